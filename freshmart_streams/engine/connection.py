"""How the engine reaches a broker, and which commit protocol fits it."""

import asyncio
import ssl
from collections.abc import Awaitable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient

from freshmart_streams.engine import headers

headers.install()

T = TypeVar("T")

Mode = Literal["tx", "log"]
LARGEST_REQUEST = 64 << 20  # fits the largest dead letter; the broker's own limit is what refuses
BATCH_BYTES = 800_000
WAIT_SECONDS = 20.0
"""The longest wait for an answer from the broker: aiokafka retries some errors for ever."""
STOP_SECONDS = 3.0


class BrokerTimeoutError(Exception):
    """The broker did not answer in time."""


async def within(seconds: float, what: str, work: Awaitable[T]) -> T:
    """Wait for `work`, but not for ever.

    Raises:
        BrokerTimeoutError: it took longer; the work was cancelled.
    """
    try:
        return await asyncio.wait_for(work, seconds)
    except TimeoutError as error:
        raise BrokerTimeoutError(f"{what}: no answer within {seconds:g} s") from error


async def ended(stopping: Coroutine[Any, Any, object]) -> None:
    """Wait until a client has stopped, but not for long and whatever it raises: it is gone either way."""
    task = asyncio.ensure_future(stopping)
    await asyncio.wait([task], timeout=STOP_SECONDS)
    if not task.done():
        task.cancel()
    elif not task.cancelled():
        task.exception()  # else it would be logged as never retrieved


@dataclass(frozen=True, kw_only=True)
class Connection:
    """Addresses and credentials of a broker, and the mode that it allows.

    Attributes:
        bootstrap: `host:port,host:port`.
        mode: `tx` where there are transactions (Kafka), `log` on the embedded broker.
        security: further arguments of aiokafka's clients (TLS, SASL).
    """

    bootstrap: str
    mode: Mode
    security: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def isolation_level(self) -> str:
        """What readers may see."""
        return "read_committed" if self.mode == "tx" else "read_uncommitted"

    @property
    def ssl_context(self) -> ssl.SSLContext | None:
        """The TLS context, if TLS is used."""
        context: ssl.SSLContext | None = self.security.get("ssl_context")
        return context

    def producer(self, transactional_id: str) -> AIOKafkaProducer:
        """A producer of one partition; in mode `tx` starting it fences whoever had the id before."""
        common: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap,
            "retry_backoff_ms": 10,
            "request_timeout_ms": 15_000,
            "max_request_size": LARGEST_REQUEST,
            **self.security,
        }
        if self.mode == "tx":
            # 10 s: what a killed owner leaves open blocks readers no longer than this
            return AIOKafkaProducer(
                **common, transactional_id=transactional_id, transaction_timeout_ms=10_000, max_batch_size=BATCH_BYTES
            )
        return AIOKafkaProducer(**common, acks="all", max_batch_size=LARGEST_REQUEST)

    def reader(self) -> AIOKafkaConsumer:
        """A consumer without a group, for changelogs and master data."""
        return AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap,
            isolation_level=self.isolation_level,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=8 << 20,
            fetch_max_wait_ms=100,
            request_timeout_ms=15_000,
            **self.security,
        )

    def client(self) -> AIOKafkaClient:
        """A bare client, for requests that aiokafka's clients do not send."""
        return AIOKafkaClient(bootstrap_servers=self.bootstrap, request_timeout_ms=15_000, **self.security)

    def admin(self) -> AIOKafkaAdminClient:
        """An admin client."""
        return AIOKafkaAdminClient(bootstrap_servers=self.bootstrap, request_timeout_ms=15_000, **self.security)
