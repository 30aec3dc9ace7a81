"""Reads whole topics for a worker, from their beginning and then as they grow.

For what every worker must know and no partition keeps.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from freshmart_streams.engine.connection import WAIT_SECONDS, Connection, ended, within
from freshmart_streams.engine.records import Record

log = logging.getLogger(__name__)

RETRY_SECONDS = 2.0


class Follower:
    """Hands every record of some topics to a function; starts again from the beginning when the broker was away.

    Args:
        connection: to the broker.
        topics: their names; partitions that are added later are not seen.
        on_record: called for each record, in the order of its partition.
        on_restart: called before everything is read again.
    """

    def __init__(
        self,
        connection: Connection,
        topics: Sequence[str],
        on_record: Callable[[Record], None],
        on_restart: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._topics = list(topics)
        self._on_record = on_record
        self._on_restart = on_restart
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to read."""
        self._task = asyncio.create_task(self._follow(), name=f"follow {', '.join(self._topics)}")

    async def stop(self) -> None:
        """Stop reading."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=3)

    async def _follow(self) -> None:
        while True:
            try:
                await self._read()
            except KafkaConnectionError:  # whoever brings partitions to work says so, once for all
                await asyncio.sleep(RETRY_SECONDS)
            except Exception as error:  # a batch that cannot be read raises whatever its decoder does
                log.warning("reading %s: %r; trying again", ", ".join(self._topics), error)
                await asyncio.sleep(RETRY_SECONDS)

    async def _read(self) -> None:
        consumer = self._connection.reader()
        try:
            await within(WAIT_SECONDS, "starting a reader", consumer.start())
            metadata = await within(WAIT_SECONDS, "asking for topics", consumer._client.fetch_all_metadata())
            assigned = [
                TopicPartition(topic, partition)
                for topic in self._topics
                for partition in sorted(metadata.partitions_for_topic(topic) or ())
            ]
            if not assigned:
                await asyncio.sleep(RETRY_SECONDS)
                return
            self._on_restart()
            consumer.assign(assigned)
            await within(WAIT_SECONDS, "seeking", consumer.seek_to_beginning(*assigned))
            while True:
                for records in (await consumer.getmany(timeout_ms=1000, max_records=2000)).values():
                    for record in records:
                        self._hand_over(record)
                await asyncio.sleep(0)
        finally:
            await ended(consumer.stop())

    def _hand_over(self, record: Record) -> None:
        try:
            self._on_record(record)
        except Exception as error:  # one record that is not what it should be must not hide the others
            log.warning(
                "%s/%s at %s is left out: %r", record.topic, record.partition, record.offset, type(error).__name__
            )
