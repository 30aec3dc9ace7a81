"""Strange names of headers are read all the same; a batch that nobody can read holds up its own input only."""

from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition

from freshmart_streams.engine.connection import Connection
from freshmart_streams.engine.headers import TolerantBuilder, name_text
from freshmart_streams.engine.partitioning import partition_of
from tests.engine.site import Site
from tests.support.log import PARTITIONS, journal
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

RAW = name_text(b"trace\xff\xfe")


class BrokenBuilder(TolerantBuilder):
    """A batch with a right check sum over a record that says it has a negative number of headers."""

    def _build(self) -> Any:
        self._builder._buffer[-1] = 1
        return super()._build()


async def send_batch(connection: Connection, topic: str, partition: int, builder: TolerantBuilder) -> int:
    """Send a batch as it is; its offset."""
    producer = AIOKafkaProducer(bootstrap_servers=connection.bootstrap, acks="all")
    await producer.start()
    try:
        return int((await (await producer.send_batch(builder, topic, partition=partition))).offset)
    finally:
        await producer.stop()


async def read_headers(connection: Connection, topic: str, partition: int) -> list[tuple[bytes, Any]]:
    """The values and headers of a topic's messages."""
    consumer, tp = connection.reader(), TopicPartition(topic, partition)
    await consumer.start()
    try:
        consumer.assign([tp])
        await consumer.seek_to_beginning(tp)
        end, found = (await consumer.end_offsets([tp]))[tp], []
        while await consumer.position(tp) < end:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                found += [(record.value, record.headers) for record in records]
        return found
    finally:
        await consumer.stop()


def keys_by_partition() -> dict[int, str]:
    """A key of each partition."""
    keys = {partition_of(f"key{number}".encode(), PARTITIONS): f"key{number}" for number in range(60)}
    assert len(keys) == PARTITIONS
    return keys


async def test_a_record_with_a_strange_header_is_folded_and_its_dead_letter_has_that_header(site: Site) -> None:
    headers = [("before", b"1"), (RAW, b"\x00\xff"), (RAW, None), ("after", b"2")]
    key = keys_by_partition()[1]
    with site.worker() as running:
        site.send((site.toy.words, key, "x"))
        builder = TolerantBuilder(is_transactional=False)
        for word in (b"y", b"boom", b"z"):
            builder.append(timestamp=None, key=key.encode(), value=word, headers=headers)
        first = await send_batch(site.connection, site.toy.words, 1, builder)
        site.ends[site.toy.words, 1] = first + 3
        site.send((site.toy.words, key, "x"))
        wait_until(site.is_done)
        assert running.stop() == ""
    words = [value for value, _ in await read_headers(site.connection, site.toy.out, 1) if not value.isdigit()]
    assert words == [b"x 1", b"y 2", b"z 3", b"x 4"]
    letters = await read_headers(site.connection, site.toy.poison, 1)
    assert letters == [(b"boom", (*headers, ("error", b"boom")))]


async def test_a_broken_batch_of_a_master_topic_holds_up_no_other_master_data(on_embedded: Site) -> None:
    site, keys = on_embedded, keys_by_partition()
    with site.worker() as running:
        site.send(*((site.toy.words, key, "x") for key in keys.values()))
        wait_until(site.is_done)
        broken = BrokenBuilder(is_transactional=False)
        broken.append(timestamp=None, key=b"nobody", value=b"name")
        await send_batch(site.connection, site.toy.names, 0, broken)
        wait_until(lambda: f"fetching {site.toy.names}/0: CorruptRecordException" in running.log())
        site.send((site.toy.names, keys[1], "name"), (site.toy.names, keys[2], "name"))
        wanted = {(partition, number) for partition in range(PARTITIONS) for number in (1, 2)}
        wait_until(lambda: spans_of_names(site) == wanted)
        site.send((site.toy.words, keys[3], "x"), (site.toy.more, keys[0], "x"))
        wait_until(site.is_done)
        wait_until(lambda: f"nothing arrives of {site.toy.names}/0 although the broker has more" in running.log())
        assert running.stop() == ""


async def test_a_broken_batch_of_an_input_holds_up_no_other_partition(on_embedded: Site) -> None:
    site, keys = on_embedded, keys_by_partition()
    with site.worker() as running:
        site.send(*((site.toy.words, key, "x") for key in keys.values()))
        wait_until(site.is_done)
        broken = BrokenBuilder(is_transactional=False)
        broken.append(timestamp=None, key=keys[0].encode(), value=b"x")
        await send_batch(site.connection, site.toy.words, 0, broken)
        wait_until(lambda: f"fetching {site.toy.words}/0: CorruptRecordException" in running.log())
        site.send(*((site.toy.words, keys[number], "x") for number in (1, 2, 3) for _ in range(100)))
        wait_until(site.is_done)
        assert running.stop() == ""


def spans_of_names(site: Site) -> set[tuple[int, int]]:
    """Which partitions have taken in which partitions of the names, as the journal says."""
    return {
        (partition, int(span[1]))
        for partition, spans in journal(site.bootstrap, site.toy.journal).items()
        for span in spans
        if span[0] == site.toy.names
    }
