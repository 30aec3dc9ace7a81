"""A shop person can read what was decided: one aligned line each, in German or English."""

from datetime import date, datetime, timedelta, timezone

import msgspec
import pytest

from freshmart_streams.cli.lines import Lines
from freshmart_streams.cli.messages import ENGLISH, GERMAN, Texts, texts_for
from freshmart_streams.events.alerts import Alert, AlertKind, AlertStatus
from freshmart_streams.events.decisions import Binding, Reorder, ReorderReason, Source
from freshmart_streams.events.master_data import Product, Unit
from freshmart_streams.events.values import Mode

SUMMER = timezone(timedelta(hours=2))
STORES = {"0042": "Bonn Mitte", "0099": "Filiale am sehr langen Marktplatz"}
PRODUCTS = {
    "100234": Product(sku="100234", name="Vollmilch 3,5 % 1 l", pack_size=12),
    "100401": Product(sku="100401", name="Bananen", unit=Unit.GRAM, pack_size=18000),
}
ORDER = Reorder(
    order_id="o1",
    revision=0,
    store_id="0042",
    sku="100234",
    packs=2,
    quantity=24,
    ordered_at=datetime(2024, 10, 8, 9, 13, tzinfo=SUMMER),
    cut_off_at=datetime(2024, 10, 8, 14, 0, tzinfo=SUMMER),
    deliver_by=date(2024, 10, 9),
    mode=Mode.AUTO,
    reason=ReorderReason(
        trigger="sale",
        on_hand=7,
        on_order=0,
        in_transit=0,
        expected_waste=0,
        inventory_position=7,
        forecast=(5.5, 6.0, 5.5),
        safety_stock=9.0,
        reorder_point=26,
        order_up_to_level=26,
        service_level=0.98,
        binding=Binding.PACK_SIZE,
    ),
    source=Source(topic="freshmart.sales", partition=2, offset=4711),
)
ALERT = Alert(
    alert_id="a1",
    revision=0,
    status=AlertStatus.OPEN,
    kind=AlertKind.NEGATIVE_STOCK,
    store_id="0042",
    sku="100234",
    at=datetime(2024, 10, 8, 9, 13, tzinfo=SUMMER),
    message="stock below zero",
    details={},
)
START = "Di 08.10. 09:13  Bonn Mitte       Vollmilch 3,5 % 1 l           "


def lines(texts: Texts = GERMAN) -> Lines:
    return Lines(texts, stores=STORES, products=PRODUCTS)


def german(**changes: object) -> str:
    return lines().reorder(msgspec.structs.replace(ORDER, **changes))


class TestReorder:
    def test_says_when_where_what_how_much_and_why(self) -> None:
        assert german() == START + "2 Kisten (24 Stück) für Mi 09.10.        - noch 7 da, 17 erwartet"

    def test_is_said_in_english_too(self) -> None:
        assert lines(ENGLISH).reorder(ORDER) == (
            "Tue 08 Oct 09:13  Bonn Mitte       Vollmilch 3,5 % 1 l           "
            "2 cases (24 pieces) for Wed 09 Oct       - 7 left, 17 expected"
        )

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"revision": 1, "packs": 1, "quantity": 12}, "jetzt 1 Kiste (12 Stück) für Mi 09.10."),
            ({"revision": 2, "packs": 0, "quantity": 0}, "abbestellt für Mi 09.10."),
            ({"packs": 1, "quantity": 1}, "1 Stück für Mi 09.10."),
            ({"packs": 5, "quantity": 5}, "5 Stück für Mi 09.10."),
            ({"mode": Mode.SHADOW}, "2 Kisten (24 Stück) für Mi 09.10. (nur Probe)"),
            ({"mode": Mode.ADVISE}, "2 Kisten (24 Stück) für Mi 09.10. (Vorschlag)"),
        ],
    )
    def test_says_changes_cancellations_and_modes(self, changes: dict[str, object], said: str) -> None:
        assert german(**changes).removeprefix(START).partition(" - ")[0].rstrip() == said

    @pytest.mark.parametrize(
        ("texts", "amount", "stock"),
        [
            (GERMAN, "2 Kisten (36 kg)", "noch 2,5 kg da, 17,3 kg erwartet"),
            (ENGLISH, "2 cases (36 kg)", "2.5 kg left, 17.3 kg expected"),
        ],
    )
    def test_counts_goods_by_weight_in_kilograms(self, texts: Texts, amount: str, stock: str) -> None:
        reason = msgspec.structs.replace(ORDER.reason, on_hand=2_500, forecast=(8_650.0, 8_650.0))
        line = lines(texts).reorder(
            msgspec.structs.replace(ORDER, sku="100401", packs=2, quantity=36_000, reason=reason)
        )
        assert amount in line
        assert line.endswith(f"- {stock}")

    def test_keeps_its_columns_whatever_the_names(self) -> None:
        known, unknown, long = german(), german(store_id="7", sku="1"), german(store_id="0099")
        assert known.index("2 Kisten") == unknown.index("2 Kisten") == long.index("2 Kisten")
        assert "Filiale am seh…" in long


class TestAlert:
    def test_says_what_is_to_do(self) -> None:
        assert lines().alert(ALERT) == START + "Hinweis: Bestand unter null, bitte zählen"

    def test_says_when_it_is_settled(self) -> None:
        closed = msgspec.structs.replace(ALERT, status=AlertStatus.CLOSED)
        assert lines(ENGLISH).alert(closed).endswith("settled: stock below zero, please count")

    @pytest.mark.parametrize("texts", [GERMAN, ENGLISH])
    @pytest.mark.parametrize("kind", AlertKind)
    def test_has_a_text_for_every_kind(self, texts: Texts, kind: AlertKind) -> None:
        line = lines(texts).alert(msgspec.structs.replace(ALERT, kind=kind, sku=None))
        assert texts.alerts[kind] in line
        assert kind.value not in line


class TestTexts:
    @pytest.mark.parametrize(
        ("locale", "texts"),
        [("de_DE.UTF-8", GERMAN), ("de", GERMAN), ("DE_at", GERMAN), ("en_US", ENGLISH), ("", ENGLISH), ("C", ENGLISH)],
    )
    def test_are_german_where_the_locale_is(self, locale: str, texts: Texts) -> None:
        assert texts_for(locale) is texts
