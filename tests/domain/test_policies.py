"""The most specific row wins, field by field."""

from dataclasses import dataclass
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from freshmart_streams.domain import policies
from freshmart_streams.domain.policies import EffectivePolicy, effective_policy
from freshmart_streams.domain.promotions import Promotions
from freshmart_streams.events.master_data import Policy, Promotion


@dataclass(frozen=True)
class Row:
    service_level: float | None = None
    min_stock: int | None = None
    max_stock: int | None = None
    presentation_stock: int | None = None
    capacity: int | None = None
    pricing: bool | None = None
    promotions: Promotions | None = None


def test_without_any_row_the_documented_defaults_are_in_force() -> None:
    nothing = EffectivePolicy(service_level=0.98, min_stock=0, max_stock=None, presentation_stock=0, pricing=True)
    assert effective_policy() == effective_policy(None, None, None, None) == nothing


def test_each_field_is_taken_from_the_most_specific_row_that_names_it() -> None:
    mine = Row(min_stock=6)
    of_the_store = Row(min_stock=1, max_stock=60)
    of_the_article = Row(max_stock=99, presentation_stock=4, capacity=80, promotions=((5, 6),))
    of_all = Row(service_level=0.95, presentation_stock=1, pricing=False)
    assert effective_policy(mine, of_the_store, of_the_article, of_all) == EffectivePolicy(
        service_level=0.95,
        min_stock=6,
        max_stock=60,
        presentation_stock=4,
        pricing=False,
        capacity=80,
        promotions=((5, 6),),
        service_level_source="policy",
    )


def test_no_promotions_at_all_are_said_and_not_silence() -> None:
    assert effective_policy(Row(promotions=()), Row(promotions=((5, 6),))).promotions == ()


def test_a_zero_and_a_no_are_said_and_not_silence() -> None:
    assert effective_policy(Row(min_stock=0, pricing=False), Row(min_stock=6, pricing=True)) == EffectivePolicy(
        min_stock=0, pricing=False
    )


def test_the_events_of_the_policies_topic_are_such_rows() -> None:
    event = Policy(store_id="0042", sku="*", service_level=0.9)
    assert effective_policy(None, event).service_level == 0.9
    day = date(2024, 10, 14)
    promoted = Policy(store_id="*", sku="7", promotion_days=(Promotion(day, day),))
    assert effective_policy(event, promoted).promotions == ((day.toordinal(), day.toordinal()),)


def test_the_store_comes_before_the_article() -> None:
    assert policies.keys("0042", "7") == ("0042/7", "0042/*", "*/7", "*/*")


ROWS = st.lists(
    st.none() | st.builds(Row, service_level=st.none() | st.floats(0.5, 0.99), max_stock=st.none() | st.integers(0, 9)),
    max_size=4,
)


@given(ROWS, ROWS)
def test_less_specific_rows_only_fill_what_is_left_open(specific: list[Row | None], general: list[Row | None]) -> None:
    found, alone = effective_policy(*specific, *general), effective_policy(*specific)
    for field in ("service_level", "max_stock"):
        if any(row is not None and getattr(row, field) is not None for row in specific):
            assert getattr(found, field) == getattr(alone, field)
        else:
            assert getattr(found, field) == getattr(effective_policy(*general), field)
