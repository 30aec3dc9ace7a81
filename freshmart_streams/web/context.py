"""What the web needs of the rest of the application: tests give it rows in dictionaries, `app.py` the engine."""

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from freshmart_streams.engine import Table
from freshmart_streams.web.company import CompanyDay

R = TypeVar("R")


class View(Protocol):
    """The committed rows of one partition."""

    @property
    def stale(self) -> bool:
        """Whether a standby answers, which may lag behind the owner."""

    def get(self, table: Table[R], key: str, /) -> R | None:
        """The row under this key, or None."""

    def scan(self, table: Table[R], prefix: str, /, after: str = "", limit: int = 100) -> list[tuple[str, R]]:
        """Rows whose key starts with `prefix` and is greater than `after`, in the order of their keys."""


class Views(Protocol):
    """Where the rows of the stores' partitions are."""

    @property
    def partition_count(self) -> int:
        """How many partitions the group has; 0 before it is known."""

    def partition_for(self, key: str, /) -> int:
        """The partition of a store."""

    def owner(self, partition: int, /) -> str | None:
        """The base URL of the worker that owns a partition, or None while nobody does."""

    def local(self, partition: int, /) -> View | None:
        """This worker's own rows of a partition, or None."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """Everything that handlers may ask for.

    Attributes:
        views: the stores' tables.
        now: seconds since 1970 of this machine, only for signatures and their expiry.
        ready: reasons, in words, why this worker does not take part yet; none means ready.
        metrics: Prometheus text.
        company: a business day of all stores, the newest one for None; None when nothing is known of it.
        tokens_file: who may see what; None leaves the endpoint open (`settings` then binds to loopback only).
        peer_key_file: the key that workers sign with; None derives it from the tokens file.
    """

    views: Views
    now: Callable[[], float]
    ready: Callable[[], Sequence[str]]
    metrics: Callable[[], bytes]
    company: Callable[[datetime.date | None], CompanyDay | None]
    tokens_file: Path | None = None
    peer_key_file: Path | None = None
