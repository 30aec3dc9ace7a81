"""A record that no rule can take in: one dead letter, one alert, and the rest goes on."""

from unittest.mock import patch

import pytest

from freshmart_streams.domain import due_work, store_days
from tests.support.shop import MILK, ShopDriver, line


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


def _raise(*_: object) -> None:
    raise RuntimeError("a rule that does not hold")
