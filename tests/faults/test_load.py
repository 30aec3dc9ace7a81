"""The load of a schedule is a function of its seed, and has everything that the harness promises."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from freshmart_streams.engine import partition_of
from freshmart_streams.topics import Topics
from tests.faults.load import Planned, What, plan
from tests.support.log import PARTITIONS

TOPICS = Topics("faults.")
START = datetime(2026, 10, 8, 9, 13, 5, tzinfo=UTC)
HOURS = [START.replace(hour=hour, minute=minute) for hour in range(0, 24, 5) for minute in (5, 58)]


def drawn(seed: int = 1, start: datetime = START, receipts: int = 2_000) -> list[Planned]:
    return plan(seed, receipts=receipts, seconds=90, start=start, topics=TOPICS)


def moment(planned: Planned) -> datetime:
    event = json.loads(planned.sent.value or b"")
    return datetime.fromisoformat(event.get("sold_at") or event["occurred_at"])


def test_a_seed_gives_one_load_and_another_gives_another() -> None:
    assert drawn(3) == drawn(3)
    assert drawn(3) != drawn(4)


def test_the_shares_are_those_that_are_promised() -> None:
    found = Counter(planned.what for planned in drawn(receipts=4_000))
    receipts = found[What.RECEIPT] + found[What.LATE] + found[What.OTHER]
    assert receipts == 4_000
    assert found[What.DUPLICATE] / receipts == pytest.approx(0.05, abs=0.015)
    assert found[What.LATE] / receipts == pytest.approx(0.02, abs=0.01)
    assert found[What.MALFORMED] / receipts == pytest.approx(0.005, abs=0.001)
    assert found[What.VOID] > 40
    assert found[What.MASTER] > 400


def test_every_partition_has_stores() -> None:
    keys = {planned.sent.key for planned in drawn() if planned.counts is not None}
    assert Counter(partition_of(key or b"", PARTITIONS) for key in keys) == dict.fromkeys(range(PARTITIONS), 2)


def test_some_voids_come_before_their_receipt() -> None:
    sold_at = {(p.counts.store_id, p.counts.receipt_id): p.at for p in drawn() if p.counts is not None}
    voids = [(planned.at, sold_at[planned.voids]) for planned in drawn() if planned.voids is not None]
    assert any(at < sold for at, sold in voids)
    assert any(at > sold for at, sold in voids)


def test_a_duplicate_is_the_same_bytes_as_something_before_it() -> None:
    seen = set()
    for planned in drawn():
        if planned.what is What.DUPLICATE:
            assert planned.sent in seen
        seen.add(planned.sent)


@pytest.mark.parametrize("start", HOURS)
def test_what_is_good_is_neither_from_the_future_nor_too_late(start: datetime) -> None:
    for planned in drawn(start=start, receipts=500):
        if planned.code is None and planned.what is not What.MASTER:
            ahead = moment(planned) - (start + timedelta(seconds=planned.at))
            assert -timedelta(days=13) < ahead < timedelta(minutes=59)


@pytest.mark.parametrize("start", HOURS)
def test_in_some_stores_a_day_ends(start: datetime) -> None:
    days = {(p.counts.store_id, p.counts.day) for p in drawn(start=start) if p.counts and p.what is What.RECEIPT}
    assert any(count > 1 for count in Counter(store for store, _ in days).values())
