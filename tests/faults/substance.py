"""That a run had something to compare: two empty things are equal, and a check of nothing finds nothing."""

from collections.abc import Iterator
from typing import Final

from tests.faults.evidence import Evidence
from tests.faults.load import What
from tests.support.log import PARTITIONS

NEEDED: Final = (What.MASTER, What.RECEIPT, What.DUPLICATE, What.MOVEMENT, What.MALFORMED)
"""What every load has; the rest may be missing from a short one."""


def check_substance(evidence: Evidence) -> Iterator[str]:
    """The whole load is in the log, every partition committed rows, and the oracle publishes to every topic."""
    kinds = {planned.what for planned in evidence.planned}
    for what in NEEDED:
        if what not in kinds:
            yield f"the load has no {what.value}"
    ticks = evidence.topics.ticks.name
    in_log = sum(len(found) for (topic, _), found in evidence.records.items() if topic != ticks)
    if not in_log == len(evidence.places) == len(evidence.planned):
        yield (
            f"the log has {in_log} messages, of {len(evidence.planned)} in the load; "
            f"{len(evidence.places)} were acknowledged"
        )
    for number in range(PARTITIONS):
        if not evidence.journal[number]:
            yield f"partition {number}: not one commit"
        if not evidence.tables[number]:
            yield f"partition {number}: the changelog has no rows"
        if not evidence.volumes[number]:
            yield f"partition {number}: the last worker's disk has no rows"
    for topic in evidence.output_topics:
        if not any(evidence.expected(topic, number) for number in range(PARTITIONS)):
            yield f"{topic}: the oracle publishes nothing"
