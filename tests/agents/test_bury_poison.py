"""A record that no rule can take in: one dead letter, one alert, and the rest goes on."""

import pytest

from freshmart_streams.domain import store_days
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
    assert b"c-81f3" not in b"".join(value or b"" for _, value in shop.driver.outputs("freshmart.dead-letters")[0].headers)
