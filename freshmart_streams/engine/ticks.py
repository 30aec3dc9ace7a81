"""Ticks let time pass in silence: the owner of a partition writes one now and then, to an input like any other."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping

from aiokafka.errors import KafkaError

from freshmart_streams.engine.clock import now_ms
from freshmart_streams.engine.connection import BrokerTimeoutError
from freshmart_streams.engine.partitions import Partition


async def write_ticks(
    seconds: float,
    partitions: Mapping[tuple[str, int], Partition],
    send: Callable[[str, int, bytes], Awaitable[None]],
) -> None:
    """Write a tick for each live partition, again and again.

    Args:
        seconds: between two ticks.
        partitions: all that the worker has.
        send: called with topic, partition number and value.
    """
    while True:
        await asyncio.sleep(seconds)
        for partition in list(partitions.values()):
            group = partition.group
            if partition.live and group.ticks is not None and group.tick is not None:
                with contextlib.suppress(KafkaError, BrokerTimeoutError):
                    await send(group.ticks, partition.number, group.tick(now_ms()))
