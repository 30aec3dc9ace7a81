"""The embedded broker: librdkafka's mock cluster. No Java, no container, everything in memory.

It knows groups and rebalances but no transactions. Topics appear on first use with four partitions; a partition keeps
about 5 MB or 100,000 messages, whichever is less, and all is gone with the process.
"""

from types import TracebackType

from confluent_kafka import Producer

PARTITIONS = 4
CLUSTER_ID_PREFIX = "mockCluster"


class EmbeddedBroker:
    """A broker inside this process; use it as a context manager."""

    def __init__(self) -> None:
        self._owner: Producer | None = None
        self.address = ""

    def start(self) -> str:
        """Start it and return `host:port`."""
        self._owner = Producer({"bootstrap.servers": "127.0.0.1:1", "test.mock.num.brokers": 1, "log_level": 0})
        metadata = self._owner.list_topics(timeout=10)
        broker = next(iter(metadata.brokers.values()))
        self.address = f"{broker.host}:{broker.port}"
        return self.address

    def stop(self) -> None:
        """End it; what it held is gone."""
        self._owner = None

    def __enter__(self) -> "EmbeddedBroker":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
