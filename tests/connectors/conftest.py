"""An embedded broker as the tools see it, and files to read."""

from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Message

from freshmart_streams.connectors.kafka import Cluster, read_to_end
from freshmart_streams.connectors.kafka_admin import touch

TOPICS = ("sales", "inventory", "products", "stores", "ticks", "dead-letters", "reorders", "alerts")


@pytest.fixture
def cluster(embedded: str) -> Cluster:
    """A fresh embedded broker with the topics that the tools use."""
    made = Cluster(bootstrap=embedded, prefix="freshmart.", is_embedded=True)
    touch(made, [made.topic(name) for name in TOPICS])
    return made


@pytest.fixture
def messages(cluster: Cluster) -> Callable[[str], list[Message]]:
    """Read everything of a topic."""
    return lambda name: list(read_to_end(cluster, cluster.topic(name)))


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    """Write a file."""

    def write(content: str | bytes, name: str = "file") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write
