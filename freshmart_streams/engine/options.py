"""What the parts of the engine share: its options, its counters, how it refuses, whom it asks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from freshmart_streams.engine.budgets import ERRORS_MAX
from freshmart_streams.engine.groups import Group
from freshmart_streams.engine.records import Position


class RefusedError(Exception):
    """A partition cannot be opened, and trying again would not help. The text is one clear line."""


@dataclass(frozen=True, kw_only=True)
class EngineOptions:
    """What the engine must be told.

    Attributes:
        app_id: the application's id: consumer group, transactional ids, changelog names.
        folder: where the RocksDBs are.
        commit_interval: seconds between the starts of two commits of a partition.
        rows_in_memory: decoded rows kept over all partitions of this worker.
        store_megabytes: for the RocksDBs of this process together.
        accept_loss: open a partition although records that it had not applied are gone from the log.
        errors_max: how many errors of handlers are forgiven within 1,000 records; with one more the partition pauses
            (budgets.py). None never pauses.
        disk_reserve: bytes that must be free on the folder's disk for a commit to begin; None takes a share of it.
        tick_seconds: distance of ticks; None writes none.
    """

    app_id: str
    folder: Path
    commit_interval: float = 0.05
    rows_in_memory: int = 200_000
    store_megabytes: int = 128
    accept_loss: bool = False
    errors_max: int | None = ERRORS_MAX
    disk_reserve: int | None = None
    tick_seconds: float | None = 10.0


class Ends(Protocol):
    """Asks the broker about the inputs of a partition."""

    async def beginnings(self, group: Group, partition: int) -> Mapping[Position, int]:
        """The first offset that each input still has."""

    async def input_ends(self, group: Group, partition: int) -> Mapping[Position, int]:
        """Where each co-partitioned input ends now, for readers of committed records."""

    async def master_ends(self) -> Mapping[Position, int]:
        """Where the master topics end now."""


@dataclass
class Counters:
    """What a partition did since the process began; for metrics."""

    records: int = 0
    commits: int = 0
    rows: int = 0
    poison: int = 0
    failures: int = 0
    commit_seconds: float = 0.0
    published: dict[str, int] = field(default_factory=dict)
    """Messages by topic."""
