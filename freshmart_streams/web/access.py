"""Who may see what: bearer tokens, known by their SHA-256 only, with roles and stores.

The tokens file is a JSON object `{"<SHA-256 of the token, hex>": {"roles": ["viewer"], "stores": ["0042"]}}`. It is
read again when it changes. A file that is gone lets nobody in; one that cannot be read is reported and the grants of
the last good one stay, so that a half-written file locks nobody out.
"""

import hashlib
import hmac
import logging
import os
import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

from freshmart_streams.web.problems import ProblemError

ROLES = frozenset({"viewer", "planner", "pricing", "privacy-officer", "operator"})
ALL_STORES = "*"

_log = logging.getLogger(__name__)
_HEX_DIGEST = re.compile(r"[0-9a-f]{64}")


class TokensFileError(Exception):
    """The tokens file cannot be used; the message names the entry, never a token."""


class Entry(msgspec.Struct, forbid_unknown_fields=True):
    """One entry of the tokens file."""

    roles: list[str]
    stores: list[str]


class Grant(msgspec.Struct, frozen=True):
    """What a client may see. `stores` of None means all."""

    roles: frozenset[str]
    stores: frozenset[str] | None

    def allows_store(self, store_id: str) -> bool:
        """Whether rows of this store may be shown."""
        return self.stores is None or store_id in self.stores

    def require_store(self, store_id: str) -> None:
        """Refuse another store.

        Raises:
            ProblemError: `not-your-store`.
        """
        if not self.allows_store(store_id):
            raise ProblemError("not-your-store")

    def require_all_stores(self) -> None:
        """Refuse a token of some stores.

        Raises:
            ProblemError: `not-your-store`.
        """
        if self.stores is not None:
            raise ProblemError("not-your-store", "this needs a token for all stores")

    def require_role(self, roles: Iterable[str]) -> None:
        """Refuse a token that has none of these roles.

        Raises:
            ProblemError: `not-your-role`.
        """
        if self.roles.isdisjoint(roles):
            raise ProblemError("not-your-role")


EVERYTHING = Grant(roles=ROLES, stores=None)


class Tokens:
    """The tokens file as it is now.

    Raises:
        TokensFileError: at the start, when the file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int, int] | None = None
        self._grants: dict[bytes, Grant] = {}
        self._canonical = b""
        stamp = self._stat()
        if stamp is None:
            raise TokensFileError(f"{path} does not exist")
        self._load()
        self._stamp = stamp

    def find(self, token: str) -> Grant | None:
        """The grant of a token, or None. Takes the same time whichever entry fits, if any."""
        self._refresh()
        digest = hashlib.sha256(token.encode(errors="surrogateescape")).hexdigest().encode()
        found = None
        for known, grant in self._grants.items():
            if hmac.compare_digest(known, digest):
                found = grant
        return found

    @property
    def canonical(self) -> bytes:
        """The file's content independent of order and spaces; the peers' key is derived from it."""
        self._refresh()
        return self._canonical

    def _stat(self) -> tuple[int, int, int] | None:
        try:
            status = os.stat(self._path)
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino

    def _refresh(self) -> None:
        stamp = self._stat()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        if stamp is None:
            _log.error("the tokens file is gone: every token is refused", extra={"file": str(self._path)})
            self._grants = {}
            return
        try:
            self._load()
        except TokensFileError as error:
            _log.error("the changed tokens file is not used: %s", error)

    def _load(self) -> None:
        try:
            entries = msgspec.json.decode(self._path.read_bytes(), type=dict[str, Entry])
        except (OSError, msgspec.MsgspecError) as error:
            raise TokensFileError(f"{self._path} is no JSON object of tokens: {error}") from error
        self._grants = {_digest(name): _grant(name, entry) for name, entry in entries.items()}
        self._canonical = msgspec.json.encode(entries, order="sorted")


def _digest(name: str) -> bytes:
    digest = name.lower()
    if not _HEX_DIGEST.fullmatch(digest):
        raise TokensFileError("a key is no SHA-256 in hexadecimal (64 digits); never write the token itself there")
    return digest.encode()


def _grant(name: str, entry: Entry) -> Grant:
    unknown = set(entry.roles) - ROLES
    if unknown:
        raise TokensFileError(f"entry {name[:8]}…: no such role: {', '.join(sorted(unknown))}")
    stores = None if ALL_STORES in entry.stores else frozenset(entry.stores)
    return Grant(roles=frozenset(entry.roles), stores=stores)


def bearer_token(authorization: str) -> str:
    """The token of an `Authorization` header.

    Raises:
        ProblemError: `no-token`, when there is none.
    """
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise ProblemError("no-token", "send it as `Authorization: Bearer …`")
    return token.strip()
