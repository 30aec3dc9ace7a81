"""Tables: names for typed rows, and how a row becomes bytes.

A row is a `msgspec.Struct` with `array_like=True`: fields are only ever appended, with defaults, so old rows stay
readable. And with `gc=False`: hundreds of thousands of them are in memory, which the garbage collector would walk
through again and again; so a row must not refer to itself. The first byte of a stored row is the table's format; a
format that is no longer the current one is read by the table's `upgrades`.
"""

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

import msgspec

R = TypeVar("R")

SEPARATOR = b"\x01"
ENGINE_PREFIX = b"\x00"  # keys of the engine itself; a table's name never starts with it


class UnreadableRowError(Exception):
    """A stored row has a format that this version does not know."""


class Table(Generic[R]):
    """A named set of rows of one type; every partition of a group has its own part of it.

    Args:
        name: unique within the group; part of every stored key, so never renamed.
        row: the row's type, a `msgspec.Struct` with `array_like=True, gc=False`.
        format: the number of the current row format, 0 to 255.
        upgrades: for each older format a function from the stored bytes (without the format byte) to a row.
    """

    def __init__(
        self, name: str, row: type[R], *, format: int = 0, upgrades: Mapping[int, Callable[[bytes], R]] | None = None
    ) -> None:
        self.name = name
        self.row = row
        self.format = format
        self.prefix = name.encode() + SEPARATOR
        self._upgrades = dict(upgrades or {})
        self._decode: Callable[[memoryview], R] = msgspec.msgpack.Decoder(row).decode
        self._encode: Callable[[R], bytes] = msgspec.msgpack.Encoder().encode
        self._format_byte = format.to_bytes(1, "big")

    def __repr__(self) -> str:
        return f"<Table {self.name}: {self.row.__name__}>"

    def stored_key(self, key: str) -> bytes:
        """The key under which the row is kept in the store and in the changelog."""
        return self.prefix + key.encode()

    def encode(self, row: R) -> bytes:
        """The row as bytes: one byte format, then MessagePack."""
        return self._format_byte + self._encode(row)

    def decode(self, stored: bytes) -> R:
        """The row from its bytes.

        Raises:
            UnreadableRowError: the format is unknown, or the bytes do not fit the row's type.
        """
        try:
            if stored[0] == self.format:
                return self._decode(memoryview(stored)[1:])
            return self._upgrades[stored[0]](stored[1:])
        except (KeyError, IndexError, msgspec.MsgspecError) as error:
            raise UnreadableRowError(
                f"table {self.name}: a row of format {stored[:1].hex()} cannot be read: {error}"
            ) from error
