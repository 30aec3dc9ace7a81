"""What a partition is at a moment: shared by its parts, which open it, fold its records and commit them."""

import logging
from collections.abc import Callable

from freshmart_streams.engine.batches import Batch
from freshmart_streams.engine.groups import Group
from freshmart_streams.engine.inbox import Inbox
from freshmart_streams.engine.options import Counters
from freshmart_streams.engine.records import Record

log = logging.getLogger(__name__)


Progress = tuple[int, int, int, int]


class PartitionState:
    """The state of one partition of a group.

    Attributes:
        live: whether it folds and commits.
        is_kept: whether it stopped with all that it had, so that it may go on where it was.
        reason: why it does not; empty while it does.
        hindrance: what keeps a live partition from committing; empty while nothing does.
        epoch: grows whenever what is in flight becomes void; who waited compares it.
        inbox: what is fetched and not folded.
        batch: what is folded and not committed; None before the first opening and after the last.
        uncommitted: the records of the batch, in the order in which they were folded.
    """

    def __init__(self, group: Group, number: int, count: int) -> None:
        self.group = group
        self.number = number
        self.count = count
        self.counters = Counters()
        self.live = False
        self.is_kept = False
        self.reason = "not open yet"
        self.hindrance = ""
        self.epoch = 0
        self.inbox = Inbox({}, frozenset(), None)
        self.batch: Batch | None = None
        self.uncommitted: list[Record] = []
        self.on_failure: Callable[[], None] = lambda: None

    @property
    def name(self) -> str:
        """How log lines and reasons call it."""
        return f"{self.group.name}/{self.number}"

    def is_current(self, epoch: int) -> bool:
        """Whether the partition is still what it was when a piece of work began."""
        return self.live and self.epoch == epoch

    @property
    def opened(self) -> Batch:
        """The batch of an open partition."""
        assert self.batch is not None, "the partition is open"
        return self.batch

    def stop(self, reason: str) -> None:
        """Void everything in flight."""
        self.live, self.is_kept, self.reason, self.hindrance = False, False, reason, ""
        self.epoch += 1

    def fail(self, error: Exception) -> None:
        """Forget what is not committed and ask to be opened again."""
        self.counters.failures += 1
        self.stop(f"{type(error).__name__}: {error}")
        log.warning("%s: %s; opening it again", self.name, self.reason)
        self.on_failure()

    @property
    def progress(self) -> Progress:
        """Something else whenever the partition got on."""
        counters = self.counters
        return self.epoch, counters.records, counters.commits, counters.poison

    @property
    def lag(self) -> int:
        """How many records of the inputs are known and not applied yet."""
        inputs = self.inbox.inputs.values()
        return (
            sum(max(0, entry.end - entry.read_to, entry.known_end - entry.read_to) for entry in inputs)
            + self.inbox.waiting
        )
