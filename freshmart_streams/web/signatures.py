"""Signed requests between workers: HMAC-SHA-256 over method, path, query, roles, stores and an expiry.

The worker that forwards has checked token and scope itself; it never passes the token on. The owner believes the roles
and stores that are signed, and nothing else.
"""

import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from freshmart_streams.web.access import ALL_STORES, Grant, Tokens

SIGNED_SECONDS = 15
ACCEPTED_SECONDS = 30  # the difference forgives clocks that are not quite together
KEY_BYTES_MIN = 16

ROLES = "Freshmart-Peer-Roles"
STORES = "Freshmart-Peer-Stores"
EXPIRES = "Freshmart-Peer-Expires"
SIGNATURE = "Freshmart-Peer-Signature"
HEADERS = frozenset({ROLES, STORES, EXPIRES, SIGNATURE})


class PeerKeyError(Exception):
    """The peers' key cannot be used; the message names the file."""


def read_key(path: Path) -> bytes:
    """The key in a file, without surrounding white space.

    Raises:
        PeerKeyError: the file cannot be read, or holds too little.
    """
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise PeerKeyError(f"{path} cannot be read: {error.strerror}") from error
    if len(key) < KEY_BYTES_MIN:
        raise PeerKeyError(f"{path} holds {len(key)} bytes; a key has {KEY_BYTES_MIN} or more")
    return key


def derive_key(tokens: Tokens) -> bytes:
    """The key that workers with the same tokens file share."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"freshmart peer requests").derive(tokens.canonical)


def sign(key: bytes, *, method: str, target: str, grant: Grant, now: float) -> dict[str, str]:
    """The headers for a request to `target` (path with query, as sent) on behalf of `grant`."""
    roles = ",".join(sorted(grant.roles))
    stores = ALL_STORES if grant.stores is None else ",".join(sorted(grant.stores))
    expires = str(int(now) + SIGNED_SECONDS)
    signature = _signature(key, method, target, roles, stores, expires)
    return {ROLES: roles, STORES: stores, EXPIRES: expires, SIGNATURE: signature}


def verify(key: bytes, *, method: str, target: str, headers: Mapping[str, str], now: float) -> Grant | None:
    """The grant that a request was signed with, or None when the signature does not hold or has expired."""
    if any(not headers.get(name, "").isascii() or name not in headers for name in HEADERS):
        return None
    roles, stores, expires = headers[ROLES], headers[STORES], headers[EXPIRES]
    expected = _signature(key, method, target, roles, stores, expires)
    if not hmac.compare_digest(expected.encode(), headers[SIGNATURE].encode()):
        return None
    # A worker whose clock is ahead must not make signatures that last longer than they may.
    if not 0 <= int(expires) - int(now) <= ACCEPTED_SECONDS:
        return None
    return Grant(
        roles=frozenset(filter(None, roles.split(","))),
        stores=None if stores == ALL_STORES else frozenset(filter(None, stores.split(","))),
    )


def _signature(key: bytes, method: str, target: str, roles: str, stores: str, expires: str) -> str:
    path, _, query = target.partition("?")
    # A JSON array, so that no value can run into the next one.
    message = msgspec.json.encode([method, path, query, roles, stores, expires])
    return hmac.new(key, message, hashlib.sha256).hexdigest()
