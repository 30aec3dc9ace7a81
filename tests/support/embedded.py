"""The product's embedded broker, for tests: inside this process, without transactions, four partitions per topic."""

from collections.abc import Iterator
from contextlib import contextmanager

from freshmart_streams.engine.broker import EmbeddedBroker


@contextmanager
def embedded_broker() -> Iterator[str]:
    """The address of a fresh broker; it ends, and its topics with it, when the block does."""
    with EmbeddedBroker() as broker:
        yield broker.address
