"""Notices that nothing arrives, or is folded, although it should, so that log, lag and readiness say so.

aiokafka tries again for ever and raises little of what is wrong: while the broker is away, or while one batch cannot be
read, a worker would look as if there were nothing to do. So the watch asks the broker itself, every few seconds and
over a connection of its own, how far the inputs go.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from freshmart_streams.engine.clock import monotonic
from freshmart_streams.engine.connection import BrokerTimeoutError, Connection, ended, within
from freshmart_streams.engine.records import Position
from freshmart_streams.engine.states import PartitionState, Progress

log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
ANSWER_SECONDS = 6.0
STALLED_SECONDS = 15.0
"""How long an input may have records that do not arrive; a fetch that finds any takes well below a second."""
FAILED_SECONDS = 5.0
"""How long a failure counts: what failed is tried again after one second."""


class Watch:
    """What is wrong with reading, in words.

    Args:
        connection: to the broker.
        partitions: all that the worker has; None before it has reached the broker for the first time.
    """

    def __init__(self, connection: Connection, partitions: Callable[[], Sequence[PartitionState] | None]) -> None:
        self._connection = connection
        self._partitions = partitions
        self._consumer: AIOKafkaConsumer | None = None
        self._broker = ""
        self._failure: tuple[float, str] = (float("-inf"), "")
        self._behind: dict[Position, tuple[int, float]] = {}
        self._stalled = ""
        self._progress: dict[str, tuple[Progress, float]] = {}
        self._idle = ""

    @property
    def trouble(self) -> str:
        """What keeps records from arriving or being folded; empty when nothing does."""
        failed_at, failure = self._failure
        if self._broker:
            return self._broker
        return failure if monotonic() - failed_at < FAILED_SECONDS else self._stalled or self._idle

    def failed(self, error: Exception, what: str = "fetching") -> None:
        """A fetch, or `what` else is tried again, raised."""
        text = f"{what}: {type(error).__name__}: {error}"
        self._failure = monotonic(), text
        log.warning("%s; trying again", text)

    async def run(self) -> None:
        """Look, for ever."""
        try:
            while True:
                await asyncio.sleep(LOOK_SECONDS)
                partitions = self._partitions()
                if partitions is None:
                    continue
                self._note_idle(partitions)
                try:
                    await self._look(partitions)
                    self._broker = ""
                except (KafkaError, BrokerTimeoutError, OSError) as error:
                    address = self._connection.bootstrap
                    self._broker = f"the broker at {address} does not answer ({type(error).__name__}); trying again"
                    log.warning("%s", self._broker)
                    await self._close()
        finally:
            await self._close()

    async def _look(self, partitions: Sequence[PartitionState]) -> None:
        """Ask how far all inputs go, also those of partitions that stand still: their lag grows."""
        awaited = [entry for part in partitions if part.live for entry in part.inbox.inputs.values() if entry.has_room]
        inputs = [entry for part in partitions for entry in part.inbox.inputs.values()]
        if self._consumer is None:
            self._consumer = self._connection.reader()
            await within(ANSWER_SECONDS, "connecting", self._consumer.start())
        if not inputs:  # then only whether the broker answers
            await within(ANSWER_SECONDS, "asking for topics", self._consumer._client.fetch_all_metadata())
        read_to: dict[Position, int] = {}
        for entry in awaited:
            read_to[entry.position] = min(entry.read_to, read_to.get(entry.position, entry.read_to))
        asked = [TopicPartition(*position) for position in sorted({entry.position for entry in inputs})]
        ends = await within(ANSWER_SECONDS, "asking where inputs end", self._consumer.end_offsets(asked))
        for entry in inputs:
            entry.known_end = ends[TopicPartition(*entry.position)]
        behind = {position: at for position, at in read_to.items() if at < ends[TopicPartition(*position)]}
        self._note_stalled(behind)

    def _note_stalled(self, behind: Mapping[Position, int]) -> None:
        """Say which inputs do not get on; `behind` tells how far those are that have more on the broker."""
        now, before = monotonic(), self._behind
        self._behind = {
            position: (at, before[position][1] if position in before and before[position][0] == at else now)
            for position, at in behind.items()
        }
        stalled = [
            f"{topic}/{number}" for (topic, number), (_, since) in self._behind.items() if now - since > STALLED_SECONDS
        ]
        text = f"nothing arrives of {', '.join(sorted(stalled))} although the broker has more" if stalled else ""
        if text and text != self._stalled:
            log.warning("%s", text)
        self._stalled = text

    def _note_idle(self, partitions: Sequence[PartitionState]) -> None:
        """Say which partitions have records waiting and do not get on, although nothing is known to be wrong."""
        now, before = monotonic(), self._progress
        self._progress = {}
        for part in partitions:
            if part.live and not part.hindrance and part.inbox.waiting:
                known = before.get(part.name)
                since = known[1] if known is not None and known[0] == part.progress else now
                self._progress[part.name] = part.progress, since
        idle = [name for name, (_, since) in self._progress.items() if now - since > STALLED_SECONDS]
        text = f"nothing is folded of what waits in {', '.join(sorted(idle))}" if idle else ""
        if text and text != self._idle:
            log.warning("%s", text)
        self._idle = text

    async def _close(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await ended(consumer.stop())
