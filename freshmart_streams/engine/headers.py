"""Headers whose names are not UTF-8: aiokafka can neither read nor write them, but Kafka takes anything.

A message must be read whatever its headers are called, and a dead letter has the headers of its original, byte by byte.
So such a name travels as Python lets file names travel (PEP 383): its bytes that are not UTF-8 as lone surrogates. Only
batches with such a name take the slower way through here; the others are read and written by aiokafka's compiled code.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from aiokafka.consumer import fetcher
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import (
    DefaultRecordBatch,
    _DefaultRecordBatchBuilderPy,
    _DefaultRecordBatchPy,
)
from aiokafka.record.memory_records import _MemoryRecordsPy

from freshmart_streams.engine.records import Headers

ANY_SIZE = 1 << 30
_ESCAPE: Literal["surrogateescape"] = "surrogateescape"


def install() -> None:
    """Let all consumers of this process read such headers."""
    fetcher.MemoryRecords = TolerantRecords


def name_bytes(name: str) -> bytes:
    """A header's name as it is in the log."""
    return name.encode("utf-8", _ESCAPE)


def name_text(name: bytes) -> str:
    """A header's name as records carry it."""
    return name.decode("utf-8", _ESCAPE)


def are_plain(headers: Headers) -> bool:
    """Whether all names are UTF-8, so that aiokafka's own code can write them."""
    return all(name.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in name) for name, _ in headers)


# Reading.


class TolerantRecords(_MemoryRecordsPy):  # type: ignore[misc]  # final for the type checker only
    """The batches of one fetch."""

    def next_batch(self, *limits: int) -> Any:
        """The next batch; one of the formats before headers as aiokafka has it."""
        stored, batch = self._next_slice, super().next_batch(*limits)
        return _TolerantBatch(stored, batch) if stored is not None and isinstance(batch, DefaultRecordBatch) else batch


class _TolerantBatch:
    """A batch that is decoded by compiled code up to a name that is not UTF-8, and tolerantly from there on."""

    def __init__(self, stored: memoryview, batch: Any) -> None:
        self._stored = stored
        self._batch = batch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[Any]:
        reached = -1
        try:
            for record in self._batch:
                yield record
                reached = record.offset
        except UnicodeDecodeError:
            yield from (record for record in _LenientBatch(self._stored) if record.offset > reached)

    def __next__(self) -> Any:
        return next(self._batch)


class _LenientBatch(_DefaultRecordBatchPy):  # type: ignore[misc]  # final for the type checker only
    """aiokafka's decoder in Python, reading bytes that never fail to be text."""

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer: bytearray = _LenientBytes(self._buffer)


class _LenientBytes(bytearray):
    """Bytes of which any stretch can be decoded."""

    def __getitem__(self, place: Any) -> Any:
        found = super().__getitem__(place)
        return _LenientBytes(found) if isinstance(place, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = _ESCAPE) -> str:
        return super().decode(encoding, _ESCAPE)


# Writing.


class TolerantBuilder(BatchBuilder):  # type: ignore[misc]  # aiokafka has no types here
    """A batch to be sent, with headers of any name."""

    def __init__(self, *, is_transactional: bool) -> None:
        super().__init__(ANY_SIZE, 0, is_transactional=is_transactional)
        self._builder = _DefaultRecordBatchBuilderPy(
            magic=2,
            compression_type=0,
            is_transactional=is_transactional,
            producer_id=-1,
            producer_epoch=-1,
            base_sequence=0,
            batch_size=ANY_SIZE,
        )

    def append(self, *, timestamp: int | None, key: Any, value: Any, headers: Sequence[Any] = ()) -> Any:
        """Add a record."""
        names = [(_Name(name), content) for name, content in headers]
        return super().append(timestamp=timestamp, key=key, value=value, headers=names)

    def _set_producer_state(self, producer_id: int, producer_epoch: int, base_sequence: int) -> None:
        self._builder.set_producer_state(producer_id, producer_epoch, base_sequence)


class _Name(str):
    """A header's name that becomes the bytes it came from."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = _ESCAPE) -> bytes:
        return super().encode(encoding, _ESCAPE)
