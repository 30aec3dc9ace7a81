"""Not computing levels anew while an article lies above those of an earlier hour changes no decision."""

from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from freshmart_streams.domain import reordering
from tests.support.shop import CHEESE, MILK, ShopDriver, line

HOURS = st.integers(7 * 60, 21 * 60 + 59).map(lambda minute: f"{minute // 60:02d}:{minute % 60:02d}")
DAYS = st.sampled_from(["2024-10-07", "2024-10-08", "2024-10-09"])
SALES = st.lists(st.tuples(DAYS, HOURS, st.integers(-5, 25)), max_size=25)


def sold(sales: list[tuple[str, str, int]], stock: int, per_day: int) -> list[dict[str, Any]]:
    """Every published decision about an article that sold so much a day the week before."""
    shop = ShopDriver(batch_size=100).open_store({**MILK, "shelf_life_days": None}, CHEESE)
    shop.move("2024-09-30 06:00", "count", ("100234", stock + 6 * per_day))
    for day in ("09-30", "10-01", "10-02", "10-03", "10-04", "10-05"):
        shop.sale(f"2024-{day} 12:00", line(quantity=per_day))
    for day, hour, quantity in sorted(sales, key=lambda sale: sale[1]):  # days mixed: half of the sales come late
        shop.sale(f"{day} {hour}", line(quantity=quantity or 1))
    return shop.published("reorders")


@settings(deadline=None, max_examples=60)
@given(SALES, st.integers(0, 120), st.integers(1, 20))
def test_the_same_orders_with_and_without_the_shortcut(
    sales: list[tuple[str, str, int]], stock: int, per_day: int
) -> None:
    with patch.object(reordering, "_lies_above", return_value=False):
        always = sold(sales, stock, per_day)
    assert sold(sales, stock, per_day) == always


def test_the_shortcut_is_taken() -> None:
    with patch.object(reordering, "_lies_above", wraps=reordering._lies_above) as asked:
        sold([("2024-10-07", "09:00", 1), ("2024-10-07", "10:30", 1)], stock=400, per_day=5)
    assert asked.called


def test_a_late_sale_of_a_closed_day_raises_the_level_at_once() -> None:
    """Yesterday turns out to have been busy: what lay above this morning's reorder point does not any more."""
    shop = ShopDriver().open_store({**MILK, "shelf_life_days": None})
    shop.move("2024-10-07 06:00", "count", ("100234", 300)).sale("2024-10-07 12:00", line(quantity=2))
    shop.move("2024-10-08 08:00", "count", ("100234", 60)).sale("2024-10-08 09:10", line())
    assert shop.published("reorders") == []
    shop.sale("2024-10-07 18:00", line(quantity=200))
    assert shop.published("reorders")[-1]["reason"]["trigger"] == "sale"
