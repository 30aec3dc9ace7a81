"""Not looking at an article that is calm changes no decision."""

from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from freshmart_streams.domain import lead_times, reordering, shrinkage
from tests.support.shop import CHEESE, MILK, STORE, ShopDriver, line

HOURS = st.integers(7 * 60, 21 * 60 + 59).map(lambda minute: f"{minute // 60:02d}:{minute % 60:02d}")
DAYS = st.sampled_from([f"2024-10-{day:02d}" for day in range(7, 17)])
KINDS = st.sampled_from(["sale", "sale", "sale", "sale", "sale", "delivery", "waste", "count"])
EVENTS = st.lists(st.tuples(DAYS, HOURS, KINDS, st.integers(-5, 25)), max_size=25)


def decided(
    events: list[tuple[str, str, str, int]],
    stock: int,
    per_day: int,
    *,
    is_in_order: bool = True,
    shelf_life_days: int | None = None,
    mode: str = "auto",
    promotion: tuple[int, int] | None = None,
) -> list[dict[str, Any]]:
    """Every published decision about an article that sold so much a day the week before, or is new (0)."""
    shop = ShopDriver(batch_size=100).open_store({**MILK, "shelf_life_days": shelf_life_days}, CHEESE)
    shop.store(**{**STORE, "rollout": {"reorder": mode}})
    if promotion is not None:
        first, last = (f"2024-10-{day:02d}" for day in promotion)
        shop.policy("0042", "*", promotions=[{"from": first, "until": last}])
    if per_day:
        shop.move("2024-09-30 06:00", "count", ("100234", stock + 6 * per_day))
        for day in ("09-30", "10-01", "10-02", "10-03", "10-04", "10-05"):
            shop.sale(f"2024-{day} 12:00", line(quantity=per_day))
    else:
        shop.move("2024-10-07 06:00", "count", ("100234", stock))
    # By the hour alone days are mixed, and half of the events come late.
    for day, hour, kind, quantity in sorted(events, key=lambda each: each[:2] if is_in_order else each[1]):
        if kind == "sale":
            shop.sale(f"{day} {hour}", line(quantity=quantity or 1))
        else:
            shop.move(f"{day} {hour}", kind, ("100234", abs(quantity) or 1))
    return shop.published("reorders")


@settings(deadline=None, max_examples=100)
@given(
    EVENTS,
    st.integers(0, 120),
    st.one_of(st.just(0), st.integers(1, 20)),
    st.booleans(),
    st.one_of(st.none(), st.integers(2, 12)),
    st.sampled_from([0.0, 1.2]),
    st.sampled_from(["auto", "auto", "shadow"]),
    st.sampled_from([0.0, 0.05]),
    st.none() | st.tuples(st.integers(1, 16), st.integers(0, 6)).map(lambda days: (days[0], sum(days))),
)
def test_the_same_orders_when_every_sale_is_looked_at(
    events: list[tuple[str, str, str, int]],
    stock: int,
    per_day: int,
    is_in_order: bool,
    shelf_life_days: int | None,
    lead_time_sigma_days: float,
    mode: str,
    loss_rate: float,
    promotion: tuple[int, int] | None,
) -> None:
    more: dict[str, Any] = {
        "is_in_order": is_in_order,
        "shelf_life_days": shelf_life_days,
        "mode": mode,
        "promotion": promotion,
    }
    with (
        patch.object(lead_times, "sigma_days", return_value=lead_time_sigma_days),
        patch.object(shrinkage, "rate", return_value=loss_rate),
    ):
        with patch.object(reordering, "calm", return_value=(0, 0)):
            always = decided(events, stock, per_day, **more)
        assert decided(events, stock, per_day, **more) == always


def test_a_sale_of_a_calm_article_looks_at_nothing() -> None:
    events = [("2024-10-07", "09:00", "sale", 1), ("2024-10-07", "10:30", "sale", 1)]
    with patch.object(reordering, "current_levels", wraps=reordering.current_levels) as asked:
        decided(events[:1], stock=400, per_day=5)
        before = asked.call_count
        asked.reset_mock()
        decided(events, stock=400, per_day=5)
    assert asked.call_count == before


def test_a_new_article_with_enough_is_not_looked_at_again_within_its_first_week() -> None:
    shop = ShopDriver().open_store({**MILK, "shelf_life_days": None})
    shop.move("2024-10-07 06:00", "count", ("100234", 60)).sale("2024-10-07 12:00", line())
    with patch.object(reordering, "current_levels", wraps=reordering.current_levels) as asked:
        for day in range(8, 12):
            shop.sale(f"2024-10-{day:02d} 12:00", line())
    assert asked.call_count == 0


def test_a_new_article_that_sells_more_than_was_foreseen_is_looked_at() -> None:
    shop = ShopDriver().open_store({**MILK, "shelf_life_days": None})
    shop.move("2024-10-07 06:00", "count", ("100234", 60)).sale("2024-10-07 06:30", line(quantity=30))
    with patch.object(reordering, "current_levels", wraps=reordering.current_levels) as asked:
        shop.sale("2024-10-08 12:00", line())
    assert asked.call_count == 1


def test_a_late_sale_of_a_closed_day_raises_the_level_at_once() -> None:
    """Yesterday turns out to have been busy: what lay above this morning's reorder point does not any more."""
    shop = ShopDriver().open_store({**MILK, "shelf_life_days": None})
    shop.move("2024-10-07 06:00", "count", ("100234", 300)).sale("2024-10-07 12:00", line(quantity=2))
    shop.move("2024-10-08 08:00", "count", ("100234", 60)).sale("2024-10-08 09:10", line())
    assert shop.published("reorders") == []
    shop.sale("2024-10-07 18:00", line(quantity=200))
    assert shop.published("reorders")[-1]["reason"]["trigger"] == "sale"
