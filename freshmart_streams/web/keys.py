"""The key that workers sign with: a file of its own, else derived from the tokens file, else none."""

from freshmart_streams.web import signatures
from freshmart_streams.web.access import Tokens
from freshmart_streams.web.context import Context


class PeerKey:
    """The peers' key as it is now; a derived one follows the tokens file.

    Raises:
        PeerKeyError: the key file cannot be used.
    """

    def __init__(self, context: Context, tokens: Tokens | None) -> None:
        self._file_key = None if context.peer_key_file is None else signatures.read_key(context.peer_key_file)
        self._tokens = tokens
        self._derived: tuple[bytes, bytes] = (b"", b"")

    def current(self) -> bytes:
        """The key to sign and to verify with."""
        if self._file_key is not None:
            return self._file_key
        assert self._tokens is not None
        canonical = self._tokens.canonical
        if self._derived[0] != canonical:
            self._derived = (canonical, signatures.derive_key(self._tokens))
        return self._derived[1]


def peer_key(context: Context, tokens: Tokens | None) -> PeerKey | None:
    """The peers' key, or None where the endpoint is open and peers are asked plainly."""
    if tokens is None and context.peer_key_file is None:
        return None
    return PeerKey(context, tokens)
