"""Tables: names for typed rows, and how a row becomes bytes.

A row is a `msgspec.Struct` with `array_like=True`: fields are only ever appended, with defaults, so old rows stay
readable. And with `gc=False`: hundreds of thousands of them are in memory, which the garbage collector would walk
through again and again; so a row must not refer to itself. The first byte of a stored row is the table's format; a
format that is no longer the current one is read by the table's `upgrades`.

Of a large row most changes touch a few fields only. Its type may therefore extend a *head* (`head=`), which ends with
the field `tail`: in memory and in the store the other fields are packed therein, and opened only for who asks for the
whole row. Whoever works on heads reads, keeps and writes a few numbers instead of all.
"""

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, Generic, TypeVar, cast

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
        head: the type that `row` extends, if its other fields are to be kept packed; its last field is `tail: bytes`.
        format: the number of the current row format, 0 to 255.
        upgrades: for each older format a function from the stored bytes (without the format byte) to a row.
    """

    def __init__(
        self,
        name: str,
        row: type[R],
        *,
        head: type[Any] | None = None,
        format: int = 0,
        upgrades: Mapping[int, Callable[[bytes], R]] | None = None,
    ) -> None:
        self.name = name
        self.row = row
        self.head: Head[R] | None = None if head is None else Head(row, head)
        self.format = format
        self.prefix = name.encode() + SEPARATOR
        self._upgrades = dict(upgrades or {})
        self._decode: Callable[[memoryview], Any] = msgspec.msgpack.Decoder(head or row).decode
        self._encode: Callable[[Any], bytes] = msgspec.msgpack.Encoder().encode
        self._format_byte = format.to_bytes(1, "big")

    def __repr__(self) -> str:
        return f"<Table {self.name}: {self.row.__name__}>"

    def stored_key(self, key: str) -> bytes:
        """The key under which the row is kept in the store and in the changelog."""
        return self.prefix + key.encode()

    def encode(self, row: R) -> bytes:
        """The row as bytes: one byte format, then MessagePack."""
        if self.head is not None:
            return self.encode_kept(self.head.close(row))
        return self._format_byte + self._encode(row)

    def decode(self, stored: bytes) -> R:
        """The row from its bytes.

        Raises:
            UnreadableRowError: the format is unknown, or the bytes do not fit the row's type.
        """
        kept = self.decode_kept(stored)
        if self.head is None:
            return cast("R", kept)
        try:
            return self.head.open(kept)
        except msgspec.MsgspecError as error:
            raise UnreadableRowError(f"table {self.name}: the packed part of a row cannot be read: {error}") from error

    def encode_kept(self, kept: Any) -> bytes:
        """As `encode`, of what is kept in memory: a closed head, or the row of a table that has none."""
        return self._format_byte + self._encode(kept)

    def decode_kept(self, stored: bytes) -> Any:
        """As `decode`, but for a table with a head only that.

        Raises:
            UnreadableRowError: the format is unknown, or the bytes do not fit the row's type.
        """
        try:
            if stored[0] == self.format:
                return self._decode(memoryview(stored)[1:])
            row = self._upgrades[stored[0]](stored[1:])
        except (KeyError, IndexError, msgspec.MsgspecError) as error:
            raise UnreadableRowError(
                f"table {self.name}: a row of format {stored[:1].hex()} cannot be read: {error}"
            ) from error
        return row if self.head is None else self.head.close(row)


class Head(Generic[R]):
    """How rows are opened and closed: the fields that a row's type adds to `head` are packed in `tail`."""

    def __init__(self, row: type[R], head: type[Any]) -> None:
        self.type = head
        self._row: Callable[..., R] = row
        *own, tail = msgspec.structs.fields(head)
        if tail.name != "tail" or not issubclass(row, head):
            raise TypeError(f"{row.__name__} must extend {head.__name__}, whose last field must be `tail`")
        more = [
            field
            for field in msgspec.structs.fields(cast("type[msgspec.Struct]", row))
            if not hasattr(head, field.name)
        ]
        packed = msgspec.defstruct(
            f"{row.__name__}Tail",
            [(field.name, field.type, _default(field)) for field in more],
            array_like=True,
            gc=False,
        )
        self._own = attrgetter(*(field.name for field in own))
        self._more = attrgetter(*(field.name for field in more))
        self._pack = msgspec.msgpack.Encoder().encode
        self._unpack = msgspec.msgpack.Decoder(packed).decode
        self._nothing = packed()

    def close(self, row: R) -> Any:
        """The head of a row, with all other fields packed."""
        return self.type(*self._own(row), self._pack(self._more(row)))

    def open(self, head: Any) -> R:
        """The row of a head."""
        return self._row(*self._own(head), b"", *self._more(self._unpack(head.tail) if head.tail else self._nothing))


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return msgspec.field(default_factory=field.default_factory)
    return field.default
