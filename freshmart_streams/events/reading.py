"""How a message is read: bytes to an event, or the first reason why it is none.

A message is refused with the first reason that holds, in this order (contracts.md sections 1, 3 and 4):

| code           | holds when                                                                    | looked for in |
|----------------|-------------------------------------------------------------------------------|---------------|
| `null-key`     | there is no key                                                               | `read`        |
| `null-value`   | there is no value; in master data that deletes the key instead                | `decode`      |
| `too-large`    | the value is over 1,000,000 bytes                                             | `decode`      |
| `not-json`     | no UTF-8, no JSON document (NaN is none), or nested deeper than 32 levels     | `decode`      |
| `unknown-kind` | `kind` is a text that the contract does not know, whatever else is wrong      | `decode`      |
| `invalid`      | a type, range, enumeration or rule of one event (`checks`, `master_checks`)   | `decode`      |
| `key-mismatch` | the key is not the one that the value's ids make                              | `read`        |

What needs to know more comes after, in the order of `dead_letters.Code`: `wrong-partition`, `from-the-future`,
`unknown-store`, `too-late`, and `domain-error` for what raises in the end.
"""

from collections.abc import Callable
from enum import StrEnum
from operator import attrgetter
from typing import Any, Final, Generic, TypeVar

import msgspec
from msgspec import Struct

from freshmart_streams.events import checks
from freshmart_streams.events.dead_letters import Code, Invalid
from freshmart_streams.events.master_data import ANY
from freshmart_streams.events.nesting import DEPTH_MAX, is_too_deep

VALUE_BYTES_MAX: Final = 1_000_000

E = TypeVar("E", bound=Struct)


class _Probe(Struct):
    """The least of a message that is still JSON: its kind, whatever the type."""

    kind: Any = None


_probe = msgspec.json.Decoder(_Probe)


class Codec(Generic[E]):
    """How one type of event is read; made once per type, because building a decoder is slow and using it is not."""

    def __init__(
        self, type_: type[E], *, kinds: type[StrEnum] | None = None, check: Callable[[E], None] | None = None
    ) -> None:
        """Read `type_`, whose field `kind` has one of `kinds`, and whose other rules are `check`."""
        self._decode = msgspec.json.Decoder(type_).decode
        self._kinds = None if kinds is None else frozenset(kind.value for kind in kinds)
        self._check = check

    def decode(self, value: bytes | None) -> E:
        """Return the event in `value`, or raise `Invalid`."""
        if value is None:
            raise Invalid(Code.NULL_VALUE, "$: expected a value")
        if len(value) > VALUE_BYTES_MAX:
            raise Invalid(Code.TOO_LARGE, f"$: expected at most {VALUE_BYTES_MAX} bytes")
        # The parser checks the encoding only of the texts it keeps.
        if not (value.isascii() or _is_utf8(value)):
            raise Invalid(Code.NOT_JSON, "$: expected UTF-8")
        if is_too_deep(value):
            raise Invalid(Code.NOT_JSON, f"$: expected at most {DEPTH_MAX} levels of arrays and objects")
        try:
            event = self._decode(value)
        except msgspec.ValidationError as error:
            raise self._fault(value, error) from None
        except msgspec.DecodeError as error:
            raise Invalid(Code.NOT_JSON, f"$: {error}") from None
        if self._check is not None:
            self._check(event)
        return event

    def _fault(self, value: bytes, error: msgspec.ValidationError) -> Invalid:
        """Say which reason comes first: the parser stops at the first place that is wrong, wherever that is."""
        try:
            kind = _probe.decode(value).kind
        except msgspec.ValidationError:  # no object
            kind = None
        except msgspec.DecodeError as malformed:
            return Invalid(Code.NOT_JSON, f"$: {malformed}")
        if self._kinds is not None and isinstance(kind, str) and kind not in self._kinds:
            return Invalid(Code.UNKNOWN_KIND, f"$.kind: expected one of {', '.join(sorted(self._kinds))}")
        return Invalid(Code.INVALID, _without_values(str(error)))


class KeyedCodec(Codec[E]):
    """An input whose message key repeats ids of the value, joined by `/`."""

    def __init__(
        self,
        type_: type[E],
        *,
        key: tuple[str, ...],
        kinds: type[StrEnum] | None = None,
        check: Callable[[E], None],
    ) -> None:
        """As `Codec`; `key` names the fields that make the message's key."""
        super().__init__(type_, kinds=kinds, check=check)
        self._key_parts = len(key)
        self._ids: Callable[[E], Any] = attrgetter(*key)  # of one field its text, of more a tuple

    def read(self, key: bytes | None, value: bytes | None) -> E:
        """Return the event of a message, or raise `Invalid`."""
        if key is None:
            raise Invalid(Code.NULL_KEY, "key: expected a key")
        event = self.decode(value)
        ids = self._ids(event)
        expected: str = ids if self._key_parts == 1 else "/".join(ids)
        if key != expected.encode():
            raise _key_mismatch()
        return event


class Deleted(Struct, frozen=True):
    """A row of master data that was taken away; `ids` are the parts of its key, such as `("0042", "*")`."""

    ids: tuple[str, ...]


class MasterCodec(KeyedCodec[E]):
    """A compacted input, where a null value deletes the key."""

    def read_row(self, key: bytes | None, value: bytes | None) -> E | Deleted:
        """Return the row of a message, or which row it deletes, or raise `Invalid`."""
        if key is None or value is not None:
            return self.read(key, value)
        ids = tuple(key.decode("utf-8", "replace").split("/"))
        if len(ids) != self._key_parts or not all(checks.is_whole_id(part) or part == ANY for part in ids):
            raise _key_mismatch()
        return Deleted(ids)


def _key_mismatch() -> Invalid:
    return Invalid(Code.KEY_MISMATCH, "key: expected the ids of the value, joined by /")


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _without_values(message: str) -> str:
    """Turn the parser's message into "place: expectation"; of all its messages only that on enumerations has a value.

    >>> _without_values("Invalid enum value 'Ann' - at `$.lines[0].unit`")
    '$.lines[0].unit: expected one of its documented values'
    """
    text, _, place = message.rpartition(" - at ")
    if not text:
        text, place = message, "$"
    if text.startswith("Invalid enum value"):
        text = "expected one of its documented values"
    return f"{place.replace('`', '')}: {text[:1].lower()}{text[1:]}"
