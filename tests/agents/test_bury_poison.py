"""A record that no rule can take in: one dead letter, one alert, and the rest goes on."""

from unittest.mock import patch

import pytest

from freshmart_streams.domain import articles, due_work, store_days
from freshmart_streams.engine import partition_of
from tests.support.shop import MILK, PASTA, STORE, ShopDriver, line


def test_the_poison_is_buried_and_everything_around_it_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = store_days.apply_receipt

    def fragile(figures, hour, lines, sign=1):  # type: ignore[no-untyped-def]
        if any(line.quantity == 13 for line in lines):
            raise ArithmeticError("customer c-81f3")
        honest(figures, hour, lines, sign)

    monkeypatch.setattr(store_days, "apply_receipt", fragile)
    shop = ShopDriver(batch_size=5).open_store(MILK).move("2024-10-08 05:40", "count", ("100234", 400))
    for quantity in (1, 13, 2):
        shop.sale("2024-10-08 09:13", line(quantity=quantity))
    assert shop.codes() == ["domain-error"]
    assert shop.stock().on_hand == 397
    assert shop.day().receipts == 2
    assert shop.alerts() == [("domain-error", None, "open")]
    assert b"c-81f3" not in b"".join(
        value or b"" for _, value in shop.driver.outputs("freshmart.dead-letters")[0].headers
    )


def test_due_work_that_raises_is_an_alert_and_the_rest_goes_on() -> None:
    shop = ShopDriver().open_store(MILK)
    shop.sale("2024-10-08 09:12", line())
    with patch.dict(due_work._WORK, {"publish": _raise}):
        shop.sale("2024-10-08 10:30", line())
    assert shop.alerts()[-1] == ("domain-error", None, "open")
    assert shop.day().receipts == 2
    assert shop.published("alerts")[-1]["details"]["error"] == "RuntimeError"


def test_due_work_that_raised_is_tried_again_every_hour_until_it_is_done() -> None:
    shop = ShopDriver().open_store(MILK)
    shop.sale("2024-10-08 09:12", line())
    with patch.dict(due_work._WORK, {"publish": _raise}):
        shop.sale("2024-10-08 10:30", line()).sale("2024-10-08 11:29", line()).sale("2024-10-08 11:30", line())
        mistakes = [alert["revision"] for alert in shop.published("alerts") if alert["kind"] == "domain-error"]
        assert mistakes == [0, 1]
        assert not shop.published("store-days")
    shop.sale("2024-10-08 12:29", line())
    assert not shop.published("store-days")
    shop.sale("2024-10-08 12:30", line())
    assert [day["receipts"] for day in shop.published("store-days")] == [6]


def test_due_work_that_raised_is_done_as_if_nothing_had_been_once_it_can_be() -> None:
    """A cut-off that raised: the order is sent an hour later, not never."""
    shop = ShopDriver().open_store(MILK).policy("0042", "*", min_stock=40)
    shop.sale("2024-10-08 09:12", line())
    [order] = shop.orders()
    with patch.dict(due_work._WORK, {"order": _raise}):
        shop.tick("2024-10-08 14:00")
    assert not shop.orders()[0].is_settled
    shop.tick("2024-10-08 15:00")
    assert shop.orders()[0].is_settled
    assert shop.orders()[0].order_id == order.order_id


def test_master_data_that_makes_a_rule_raise_has_a_letter_in_each_partition_that_could_not_take_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(articles, "close_unknown", _raise)
    shop = ShopDriver(partition=2, partition_count=4).store(**STORE)
    assert partition_of(b"0042", 4) != 2, "so the store's receipts are not this partition's"
    own = next(f"{number:04d}" for number in range(100) if partition_of(f"{number:04d}".encode(), 4) == 2)
    shop.store(**{**STORE, "store_id": own}).sale("2024-10-08 09:12", line(), store_id=own)
    shop.product(**PASTA).product(**MILK)
    assert shop.codes() == ["domain-error"]


def _raise(*_: object) -> None:
    raise RuntimeError("a rule that does not hold")
