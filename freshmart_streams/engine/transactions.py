"""How a partition's last transaction ended, and whether Kafka forgot to write that down.

A broker that is killed or restarted now and then leaves a transaction that it has acknowledged without its marker in a
partition: it *hangs* (KAFKA-9144, KIP-664). Readers of committed records stop before it, and the marker of the next
transaction of the same producer ends both in the same way. So the coordinator is asked how the last one ended before
the previous owner is fenced, which makes it forget; and what hangs afterwards is ended like that (writers.py).
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Literal, NamedTuple

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.errors import (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    IncompatibleBrokerVersion,
    LeaderNotAvailableError,
    NotCoordinatorError,
    for_code,
)
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.offset import OffsetRequest
from aiokafka.protocol.types import (
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
)

from freshmart_streams.engine.connection import WAIT_SECONDS, Connection, ended, within

Outcome = Literal["commit", "abort"]

DECIDED: dict[str, Outcome] = {
    "PrepareCommit": "commit",
    "CompleteCommit": "commit",
    "PrepareAbort": "abort",
    "CompleteAbort": "abort",
    "PrepareEpochFence": "abort",
}
"""The states of the coordinator in which the end of a transaction is certain."""
RETRY_SECONDS = 0.1
LOOKS = 3
LOOK_SECONDS = 0.3
LATEST = -1
UNCOMMITTED, COMMITTED = 0, 1
TRANSACTIONAL_ID_NOT_FOUND = 105


class DescribeTransactionsResponse_v0(Response):  # type: ignore[misc]  # aiokafka has no types
    """What the coordinator knows (KIP-664)."""

    API_KEY = 65
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "transaction_states",
            CompactArray(
                ("error_code", Int16),
                ("transactional_id", CompactString("utf-8")),
                ("transaction_state", CompactString("utf-8")),
                ("transaction_timeout_ms", Int32),
                ("transaction_start_time_ms", Int64),
                ("producer_id", Int64),
                ("producer_epoch", Int16),
                (
                    "topics",
                    CompactArray(
                        ("topic", CompactString("utf-8")),
                        ("partitions", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class DescribeTransactionsRequest_v0(RequestStruct):  # type: ignore[misc]  # aiokafka has no types
    """Asks a coordinator for transactional ids."""

    API_KEY = 65
    API_VERSION = 0
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = DescribeTransactionsResponse_v0
    SCHEMA = Schema(("transactional_ids", CompactArray(CompactString("utf-8"))), ("tags", TaggedFields))


class DescribeTransactionsRequest(Request[DescribeTransactionsRequest_v0]):  # type: ignore[misc]  # aiokafka has no types
    """Asks a coordinator for transactional ids; aiokafka has no such request."""

    API_KEY = 65

    def __init__(self, transactional_id: str) -> None:
        self._id = transactional_id

    def build(self, request_struct_class: type[DescribeTransactionsRequest_v0]) -> DescribeTransactionsRequest_v0:
        """The request of a version."""
        return request_struct_class([self._id], {})


class Description(NamedTuple):
    """What the coordinator knew of a transactional id before its owner was fenced."""

    state: str
    epoch: int
    """Of the producer that had it."""

    @property
    def is_empty(self) -> bool:
        """Whether the owner was fenced before, and has begun nothing since."""
        return self.state == "Empty"

    def outcome(self, epoch: int) -> Outcome | None:
        """How its last transaction ended; None if that cannot be told.

        Args:
            epoch: of the producer that fenced the owner. A broker that aborts an open transaction takes one for itself.
        """
        if self.state == "Ongoing":
            return "abort" if epoch >= self.epoch + 2 else None
        return DECIDED.get(self.state)


class Transactions:
    """Asks a cluster for transactions."""

    def __init__(self, client: AIOKafkaClient) -> None:
        self._client = client

    async def describe(self, transactional_id: str) -> Description | None:
        """What the coordinator knows; None: nothing, or it cannot say.

        Raises:
            BrokerTimeoutError, KafkaError: the coordinator does not answer.
        """
        return await within(WAIT_SECONDS, "asking for the last transaction", self._describe(transactional_id))

    async def _describe(self, transactional_id: str) -> Description | None:
        while True:
            try:
                node = await self._client.coordinator_lookup(CoordinationType.TRANSACTION, transactional_id)
                answer = await self._client.send(node, DescribeTransactionsRequest(transactional_id))
                code, _, state, _, _, _, epoch, *_ = answer.transaction_states[0]
                if code == TRANSACTIONAL_ID_NOT_FOUND:
                    return None
                if code:
                    raise for_code(code)()
                return Description(state, epoch)
            except IncompatibleBrokerVersion:
                return None  # older than Kafka 3.0
            except (CoordinatorLoadInProgressError, CoordinatorNotAvailableError, NotCoordinatorError):
                await asyncio.sleep(RETRY_SECONDS)

    async def hanging(self, places: Iterable[TopicPartition]) -> set[TopicPartition]:
        """Those of the places in which readers of committed records stand still before the end.

        Raises:
            BrokerTimeoutError, KafkaError: a leader does not answer.
        """
        return await within(WAIT_SECONDS, "asking for open transactions", self._hanging(list(places)))

    async def _hanging(self, places: list[TopicPartition]) -> set[TopicPartition]:
        await self._client.set_topics({place.topic for place in places})
        found = await self._stops(places)
        for _ in range(LOOKS - 1):
            if not found:
                break
            await asyncio.sleep(LOOK_SECONDS)  # another group's transaction in a shared topic ends meanwhile
            again = await self._stops(list(found))
            found = {place: offset for place, offset in found.items() if again.get(place) == offset}
        return set(found)

    async def _stops(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        """The offset at which readers of committed records stop, where it is not the end."""
        committed, written = await self._ends(places, COMMITTED), await self._ends(places, UNCOMMITTED)
        return {place: committed[place] for place in places if committed[place] < written[place]}

    async def _ends(self, places: list[TopicPartition], isolation: int) -> dict[TopicPartition, int]:
        by_leader: dict[int, dict[str, list[tuple[int, int]]]] = {}
        for place in places:
            leader = self._client.cluster.leader_for_partition(place)
            if leader is None or leader < 0:
                raise LeaderNotAvailableError(place)
            by_leader.setdefault(leader, {}).setdefault(place.topic, []).append((place.partition, LATEST))
        ends: dict[TopicPartition, int] = {}
        for leader, asked in by_leader.items():
            answer = await self._client.send(leader, OffsetRequest(-1, isolation, list(asked.items())))
            for topic, partitions in answer.topics:
                for partition, code, _, offset, *_ in partitions:
                    if code:
                        raise for_code(code)(f"{topic}/{partition}")
                    ends[TopicPartition(topic, partition)] = offset
        return ends


@asynccontextmanager
async def asking(connection: Connection) -> AsyncIterator[Transactions]:
    """A client that is gone at the end.

    Raises:
        BrokerTimeoutError, KafkaError: the broker does not answer.
    """
    client = connection.client()
    try:
        await within(WAIT_SECONDS, "connecting", client.bootstrap())
        yield Transactions(client)
    finally:
        await ended(client.close())
