"""How far the workers are, by the journal alone: what a commit applied is in it, in the same transaction."""

import json
import time
from collections import defaultdict
from types import TracebackType
from typing import Self

from confluent_kafka import Consumer, TopicPartition

from freshmart_streams.engine import Group
from tests.support.log import PARTITIONS

ANSWER_SECONDS = 20
STEP_SECONDS = 0.2


class Progress:
    """Follows the journal.

    Args:
        bootstrap: of the broker.
        group: whose journal it is.
    """

    def __init__(self, bootstrap: str, group: Group) -> None:
        assert group.journal is not None
        self._group = group
        self._reached: dict[tuple[int, str, int], int] = {}
        self.committed_at: dict[int, float] = defaultdict(float)
        """When this process last saw a commit of each partition, by the monotonic clock."""
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "progress",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 50,
                "log_level": 0,
            }
        )
        self._consumer.assign([TopicPartition(group.journal, number, 0) for number in range(PARTITIONS)])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._consumer.close()

    def follow(self, seconds: float = STEP_SECONDS) -> None:
        """Read what came meanwhile; returns after so many seconds, whether anything came or not."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            message = self._consumer.poll(left)
            if message is None or message.error() is not None:
                continue
            number = message.partition() or 0
            self.committed_at[number] = time.monotonic()
            for topic, *where, following in json.loads(message.value() or b"")["spans"]:
                self._reached[number, topic, where[0] if where else number] = following

    def ends(self) -> dict[tuple[int, str, int], int]:
        """Where each input of each partition ends now: by partition of the group, topic and partition of the topic."""
        found = {}
        for topic in (*self._group.inputs, *self._group.master):
            for number in range(PARTITIONS):
                end = self._consumer.get_watermark_offsets(TopicPartition(topic, number), ANSWER_SECONDS)[1]
                for reader in range(PARTITIONS) if topic in self._group.master else [number]:
                    found[reader, topic, number] = end
        return found

    def written(self, topic: str) -> int:
        """How far a topic goes, over all of its partitions."""
        places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        return sum(self._consumer.get_watermark_offsets(place, ANSWER_SECONDS)[1] for place in places)

    def left(self, ends: dict[tuple[int, str, int], int]) -> int:
        """How many records before these ends are not applied yet."""
        return sum(max(0, end - self._reached.get(place, 0)) for place, end in ends.items())
