"""The checks of a journal on its own, without a broker."""

import json
from collections import deque
from typing import cast

from freshmart_streams.audit.differences import Difference, Kind, What
from freshmart_streams.audit.journal import Journal, place_of
from freshmart_streams.audit.log import Reader, Source
from freshmart_streams.engine import Output, StoredRecord

TOPIC = "journal"


def entry(sequence: int, *spans: tuple[str | int, ...], group: str = "toy") -> bytes:
    return json.dumps({"group": group, "sequence": sequence, "rules": "1", "spans": spans}).encode()


class Topic:
    """A journal in memory; it stands in for the reader."""

    def __init__(self, values: list[bytes]) -> None:
        self._records = deque(StoredRecord(TOPIC, 2, place, 1, None, value) for place, value in enumerate(values))

    def head(self, source: Source) -> StoredRecord | None:
        del source
        return self._records[0] if self._records else None

    def take(self, source: Source) -> StoredRecord:
        del source
        return self._records.popleft()


def followed(
    values: list[bytes], last: int, *, is_embedded: bool = False, kept: list[Output] | None = None
) -> tuple[list[int], list[Difference], Journal]:
    found: list[Difference] = []
    journal = Journal(
        cast(Reader, Topic(values)),
        Source(TOPIC, 2, 0, len(values)),
        "toy",
        last=last,
        kept=kept or [],
        is_embedded=is_embedded,
        found=found.append,
    )
    sequences = []
    for one in journal:
        sequences.append(one.sequence)
        for span in one.spans:
            journal.grows(span, one)
    return sequences, found, journal


class TestJournal:
    def test_ends_at_the_commit_that_was_chosen(self) -> None:
        sequences, found, journal = followed([entry(1, ("a", 4)), entry(2, ("m", 0, 9)), entry(3)], 2)
        assert (sequences, found) == ([1, 2], [])
        assert journal.reached == {("a", 2): 4, ("m", 0): 9}

    def test_leaves_other_groups_out(self) -> None:
        assert followed([entry(1), entry(1, group="other"), entry(2)], 2)[:2] == ([1, 2], [])

    def test_names_a_gap(self) -> None:
        sequences, found, _ = followed([entry(1), entry(4)], 4)
        assert sequences == [1, 4]
        assert [(one.kind, one.what, one.key, one.expected) for one in found] == [
            (Kind.JOURNAL, What.MISSING, "2", "commits 2 to 3")
        ]

    def test_names_a_beginning_and_an_end_that_lack(self) -> None:
        assert [one.key for one in followed([entry(2)], 3)[1]] == ["1", "3"]

    def test_names_a_repetition_unless_the_broker_has_no_transactions(self) -> None:
        twice = [entry(1), entry(2), entry(2), entry(3)]
        sequences, found, _ = followed(twice, 3)
        assert (sequences, [(one.what, one.key) for one in found]) == ([1, 2, 3], [(What.REPEATED, "2")])
        assert followed(twice, 3, is_embedded=True)[:2] == ([1, 2, 3], [])

    def test_names_a_journal_that_begins_again(self) -> None:
        _, found, _ = followed([entry(1), entry(2), entry(1)], 2, is_embedded=True)
        assert [(one.what, one.key) for one in found] == [(What.REPEATED, "1")]

    def test_names_a_span_that_does_not_grow(self) -> None:
        _, found, journal = followed([entry(1, ("a", 4)), entry(2, ("a", 4))], 2)
        assert [(one.what, one.key) for one in found] == [(What.OUT_OF_ORDER, "2")]
        assert journal.reached == {("a", 2): 4}

    def test_takes_the_last_entry_from_what_is_still_to_be_published(self) -> None:
        kept = [Output(TOPIC, None, entry(2), ()), Output("elsewhere", None, b"x", ())]
        assert followed([entry(1)], 2, is_embedded=True, kept=kept)[:2] == ([1, 2], [])


def test_a_span_of_master_data_names_its_partition() -> None:
    assert place_of(("a", 5), 2) == (("a", 2), 5)
    assert place_of(("m", 0, 5), 2) == (("m", 0), 5)
