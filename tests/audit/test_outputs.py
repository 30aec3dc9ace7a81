"""Published messages against expected ones, without a broker."""

from typing import Any, cast

import pytest

from freshmart_streams.audit import outputs
from freshmart_streams.audit.differences import Cause, Difference, Place, What
from freshmart_streams.audit.log import Reader, Source
from freshmart_streams.audit.outputs import TopicCheck
from freshmart_streams.engine import Output, StoredRecord
from freshmart_streams.events import dead_letters

TOPIC = "out"
CAUSE = Cause(7, Place("in", 0, 3))


class Topic:
    """A topic in memory; it stands in for the reader too."""

    def __init__(self, published: list[Output], beginning: int = 0) -> None:
        self._records = [
            StoredRecord(TOPIC, 0, beginning + place, 1, one.key, one.value, one.headers)
            for place, one in enumerate(published)
        ]
        self.source = Source(TOPIC, 0, beginning, beginning + len(published))

    def head(self, source: Source) -> StoredRecord | None:
        del source
        return self._records[0] if self._records else None

    def take(self, source: Source) -> StoredRecord:
        del source
        return self._records.pop(0)


def message(ce_id: str, key: str = "k", value: str = "v") -> Output:
    return Output(TOPIC, key.encode(), value.encode(), [("ce_id", ce_id.encode())])


def letter(offset: int) -> Output:
    origin = {dead_letters.TOPIC: b"in", dead_letters.PARTITION: b"0", dead_letters.OFFSET: b"%d" % offset}
    return Output(TOPIC, b"k", b"broken", list(origin.items()))


def compared(
    expected: list[Output], published: list[Output], *, settled: int | None = None, beginning: int = 0, **more: Any
) -> tuple[list[tuple[What, str]], TopicCheck]:
    """The differences, each with what its message is called; messages are expected one by one."""
    found: list[Difference] = []
    topic = Topic(published, beginning)
    options = {"is_compacted": False, "may_repeat": False, **more}
    kept = options.pop("kept", [])
    end = topic.source.end if settled is None else settled
    check = TopicCheck(cast(Reader, topic), topic.source, end, found=found.append, **options)
    check.keep(kept)
    for output in expected:
        check.expect(output, CAUSE)
        check.advance()
    check.finish()
    return [(one.what, named(one)) for one in found], check


def named(difference: Difference) -> str:
    text = f"{difference.expected} {difference.found}"
    return next((name for name in "abcdef" if f'"{name}"' in text), "")


A, B, C, D = (message(name) for name in "abcd")


class TestTopicCheck:
    @pytest.mark.parametrize("settled", [3, 0])
    def test_finds_nothing_in_equal_streams(self, settled: int) -> None:
        found, check = compared([A, B, C], [A, B, C], settled=settled)
        assert (found, check.compared) == ([], 3)

    def test_names_only_the_message_that_is_missing(self) -> None:
        assert compared([A, B, C, D], [A, C, D])[0] == [(What.MISSING, "b")]

    def test_names_only_the_message_that_is_too_many(self) -> None:
        assert compared([A, B, C], [A, D, B, C])[0] == [(What.UNEXPECTED, "d")]

    def test_leaves_out_what_came_after_the_end_was_chosen(self) -> None:
        assert compared([A, B], [A, B, C, D], settled=3)[0] == [(What.UNEXPECTED, "c")]

    def test_waits_for_a_message_behind_the_end_that_was_chosen(self) -> None:
        assert compared([A, B, C], [A, B, C], settled=1)[0] == []

    def test_names_a_message_that_a_later_one_of_its_key_overtook(self) -> None:
        assert [what for what, _ in compared([A, B, C], [B, A, C])[0]] == [What.OUT_OF_ORDER]
        assert [what for what, _ in compared([A, B, C], [B, C, A])[0]] == [What.OUT_OF_ORDER] * 2

    def test_allows_any_order_between_keys(self) -> None:
        other = message("d", key="other")
        assert compared([A, other, B], [other, A, B])[0] == []

    def test_names_changed_bytes(self) -> None:
        found, _ = compared([A, B], [A, message("b", value="w")])
        assert [what for what, _ in found] == [What.CHANGED]

    def test_names_a_changed_key(self) -> None:
        assert [what for what, _ in compared([A], [message("a", key="other")])[0]] == [What.CHANGED]

    def test_names_a_repetition(self) -> None:
        assert [what for what, _ in compared([A, B], [A, B, A])[0]] == [What.REPEATED]

    def test_allows_a_repetition_where_there_are_no_transactions_if_the_bytes_are_the_same(self) -> None:
        assert compared([A, B, C], [A, B, A, B, C], may_repeat=True)[0] == []
        found, _ = compared([A, B], [A, B, message("a", value="w")], may_repeat=True)
        assert [what for what, _ in found] == [What.REPEATED]

    def test_counts_what_the_next_owner_will_publish_as_published(self) -> None:
        assert compared([A, B, C], [A, B], may_repeat=True, kept=[B, C])[0] == []
        assert compared([A, B, C], [A, C], may_repeat=True, kept=[C])[0] == [(What.MISSING, "b")]

    def test_allows_older_messages_of_a_key_to_be_compacted_and_no_others(self) -> None:
        other = message("d", key="other")
        found, check = compared([A, B, C], [C], is_compacted=True)
        assert (found, check.compared, check.gone) == ([], 1, 2)
        assert compared([A, other, C], [A, C], is_compacted=True)[0] == [(What.MISSING, "d")]

    def test_begins_with_the_first_message_that_retention_left(self) -> None:
        found, check = compared([A, B, C, D], [C, D], beginning=2)
        assert (found, check.gone) == ([], 2)
        assert compared([A, B, C, D], [B, D], beginning=1)[0] == [(What.MISSING, "c")]

    def test_knows_a_dead_letter_by_its_original(self) -> None:
        assert compared([letter(1), letter(2)], [letter(1), letter(2)])[0] == []
        found, _ = compared([letter(1), letter(2)], [letter(2)])
        assert [what for what, _ in found] == [What.MISSING]

    def test_knows_what_has_no_id_by_its_bytes(self) -> None:
        plain = Output(TOPIC, b"k", b"tick", ())
        assert compared([plain, plain], [plain, plain])[0] == []
        assert [what for what, _ in compared([plain, plain], [plain])[0]] == [What.MISSING]
        assert [what for what, _ in compared([plain], [plain, plain])[0]] == [What.REPEATED]

    def test_holds_a_bounded_number_of_messages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(outputs, "WINDOW", 3)
        many = [message(f"n{number}") for number in range(20)]
        assert compared([A, *many], many)[0] == [(What.MISSING, "a")]
        assert compared(many, [A, *many])[0] == [(What.UNEXPECTED, "a")]

    def test_shows_nothing_of_a_dead_letter_but_its_origin_and_size(self) -> None:
        found: list[Difference] = []
        topic = Topic([letter(5)])
        check = TopicCheck(
            cast(Reader, topic), topic.source, 1, is_compacted=False, may_repeat=False, found=found.append
        )
        check.finish()
        assert "broken" not in str(found[0])
        assert 'offset "5"' in (found[0].found or "")
