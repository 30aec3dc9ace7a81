"""The simulated world repeats itself exactly, keeps its books, and closes the loop with the reorders it is told of."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from freshmart_streams.events import codec
from freshmart_streams.events.decisions import Binding, Reorder, ReorderReason, Source
from freshmart_streams.events.master_data import Product, Store
from freshmart_streams.events.movements import Movement, MovementKind
from freshmart_streams.events.receipts import Receipt, ReceiptKind
from freshmart_streams.events.values import Mode
from freshmart_streams.simulation import store as simulated_store
from freshmart_streams.simulation import supplier
from freshmart_streams.simulation.world import Emission, Plan, World

MONDAY = date(2026, 6, 1)
MILK = "100234"


def world(**plan: Any) -> World:
    return World(Plan(start=MONDAY, **plan))


def live(made: World, days: float) -> list[Emission]:
    return list(made.advance(made.now + timedelta(days=days)))


def encoded(emissions: Iterable[Emission]) -> list[tuple[datetime, str, str, bytes]]:
    return [(one.at, one.topic, one.key, codec.encode(one.event)) for one in emissions]


def movements(emissions: Iterable[Emission], kind: MovementKind) -> Iterator[Movement]:
    return (one.event for one in emissions if isinstance(one.event, Movement) and one.event.kind is kind)


def reorder(**changes: object) -> Reorder:
    """An order of Monday morning for Tuesday: two packs of milk for Bonn."""
    reason = ReorderReason(
        trigger="sale",
        on_hand=7,
        on_order=0,
        in_transit=0,
        expected_waste=0,
        inventory_position=7,
        forecast=(17.0,),
        safety_stock=9.0,
        reorder_point=26,
        order_up_to_level=26,
        service_level=0.98,
        binding=Binding.PACK_SIZE,
    )
    fields = {
        "order_id": "order-1",
        "revision": 0,
        "store_id": "0042",
        "sku": MILK,
        "packs": 2,
        "quantity": 24,
        "ordered_at": datetime(2026, 6, 1, 7, 13, tzinfo=UTC),
        "cut_off_at": datetime(2026, 6, 1, 12, 0, tzinfo=UTC),  # 14:00 in Bonn
        "deliver_by": date(2026, 6, 2),
        "mode": Mode.AUTO,
        "reason": reason,
        "source": Source(topic="freshmart.sales", partition=0, offset=1),
    }
    return Reorder(**{**fields, **changes})  # type: ignore[arg-type]  # the tests name fields of a reorder only


@pytest.fixture
def reliable_supplier(monkeypatch: pytest.MonkeyPatch) -> None:
    """A supplier who confirms and delivers everything."""
    for name in ("REFUSED_SHARE", "SHORT_CONFIRMED_SHARE", "SHORT_DELIVERED_SHARE"):
        monkeypatch.setattr(supplier, name, 0)


def answers(emissions: Iterable[Emission], order_id: str = "order-1") -> list[tuple[str, str, int]]:
    """What the supplier told about an order: kind, local time, quantity."""
    told = [one.event for one in emissions if isinstance(one.event, Movement) and one.event.order_id == order_id]
    return [(event.kind.value, f"{event.occurred_at:%a %H}", event.lines[0].quantity) for event in told]


class TestWorld:
    def test_repeats_itself_byte_for_byte(self) -> None:
        assert encoded(live(world(), 3)) == encoded(live(world(), 3))

    def test_does_not_depend_on_the_steps_in_which_time_passes(self) -> None:
        stepwise = world()
        steps = [one for _ in range(48) for one in live(stepwise, 1 / 24)]
        assert encoded(steps) == encoded(live(world(), 2))

    def test_is_another_one_with_another_seed(self) -> None:
        assert encoded(live(world(seed=1), 1)) != encoded(live(world(seed=2), 1))

    def test_one_more_store_changes_nothing_in_the_others(self) -> None:
        few, more = live(world(stores=1), 2), live(world(stores=2), 2)
        assert encoded(one for one in more if one.key == "0042") == encoded(one for one in few if one.key == "0042")

    def test_tells_everything_in_the_order_of_its_time(self) -> None:
        emissions = live(world(), 3)
        assert [one.at for one in emissions] == sorted(one.at for one in emissions)

    def test_names_the_time_of_every_event_in_the_event_itself(self) -> None:
        for one in live(world(), 2):
            if isinstance(one.event, Receipt):
                assert one.event.sold_at == one.at
            elif isinstance(one.event, Movement):
                assert one.event.occurred_at == one.at

    def test_writes_only_what_the_application_takes(self) -> None:
        emissions = live(world(products=60), 20)
        readers = {
            "sales": codec.read_receipt,
            "inventory": codec.read_movement,
            "products": codec.read_product,
            "stores": codec.read_store,
        }
        for one in emissions:
            assert readers[one.topic](one.key.encode(), codec.encode(one.event)) == one.event
        kinds = Counter(one.event.kind.value for one in emissions if isinstance(one.event, Receipt | Movement))
        assert {"sale", "void", "count", "waste", "delivery"} <= set(kinds)
        receipts = [one.event for one in emissions if isinstance(one.event, Receipt)]
        assert any(line.quantity < 0 for event in receipts for line in event.lines)

    def test_gives_every_event_an_id_of_its_own(self) -> None:
        ids = [
            (one.topic, one.key, one.event.receipt_id if isinstance(one.event, Receipt) else one.event.event_id)
            for one in live(world(), 10)
            if isinstance(one.event, Receipt | Movement)
        ]
        assert len(ids) == len(set(ids)) > 1000

    def test_sells_in_opening_hours_only(self) -> None:
        sold = [one.event.sold_at for one in live(world(stores=1), 7) if isinstance(one.event, Receipt)]
        assert {at.isoweekday() for at in sold} == {1, 2, 3, 4, 5, 6}
        assert min(at.hour for at in sold) == 7
        assert max(at.hour for at in sold) in {21, 22}, "a void may come two minutes after the last sale"

    def test_books_that_miss_no_theft_agree_with_the_shelves(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(simulated_store, "_STOLEN_A_DAY", 0)
        made = world(stores=2)
        books = fold(live(made, 12))
        assert books == {key: made.on_shelf(*key) for key in books}
        assert len(books) == 80

    def test_theft_leaves_less_on_the_shelves_than_in_the_books(self) -> None:
        made = world(stores=2)
        books = fold(live(made, 12))
        differences = [on_hand - made.on_shelf(*key) for key, on_hand in books.items()]
        assert min(differences) >= 0
        assert max(differences) > 0


def fold(emissions: list[Emission]) -> dict[tuple[str, str], int]:
    """Keep the books of stock by the rules of contracts.md: counts are absolute, everything else adds."""
    books: defaultdict[tuple[str, str], int] = defaultdict(int)
    receipts: dict[tuple[str, str], Receipt] = {}
    sign = {MovementKind.DELIVERY: 1, MovementKind.WASTE: -1}
    for one in emissions:
        event = one.event
        if isinstance(event, Receipt):
            receipts[event.store_id, event.receipt_id] = event
            is_void = event.kind is ReceiptKind.VOID
            counted = receipts[event.store_id, event.voids] if is_void and event.voids else event
            for line in counted.lines:
                books[event.store_id, line.sku] += line.quantity if is_void else -line.quantity
        elif isinstance(event, Movement):
            for movement in event.lines:
                key = (event.store_id, movement.sku)
                if event.kind is MovementKind.COUNT:
                    books[key] = movement.quantity
                else:
                    books[key] += sign[event.kind] * movement.quantity
    return dict(books)


class TestHistory:
    def test_begins_with_master_data_and_a_count_of_every_shelf(self) -> None:
        first = live(world(), 0)
        assert Counter(one.topic for one in first) == {"stores": 3, "products": 40, "inventory": 3}
        assert all(len(event.lines) == 40 for event in movements(first, MovementKind.COUNT))
        assert [one.event.rollout.reorder for one in first if isinstance(one.event, Store)] == [Mode.OFF] * 3
        assert all(isinstance(one.event, Product) for one in first if one.topic == "products")

    def test_ends_with_the_rollout_of_reorders(self) -> None:
        made = world(stores=1, manual_days=3)
        at, row = [(one.at, one.event) for one in live(made, 6) if isinstance(one.event, Store)][-1]
        assert row.rollout.reorder is Mode.AUTO
        assert at == datetime(2026, 6, 4, 2, tzinfo=UTC), "four in the morning in Bonn"
        assert made.history_ends_at == at - timedelta(hours=4)

    def test_is_ordered_by_hand_and_afterwards_not_at_all(self) -> None:
        emissions = live(world(stores=1, manual_days=3), 6)
        deliveries = [event.occurred_at.date() for event in movements(emissions, MovementKind.DELIVERY)]
        assert deliveries == [date(2026, 6, 2), date(2026, 6, 3)]

    def test_may_be_left_out(self) -> None:
        emissions = live(world(stores=1, manual_days=0), 2)
        assert [one.event.rollout.reorder for one in emissions if isinstance(one.event, Store)] == [Mode.AUTO]
        assert not list(movements(emissions, MovementKind.DELIVERY))


@pytest.mark.usefixtures("reliable_supplier")
class TestSupplier:
    def test_confirms_at_the_cut_off_loads_in_the_evening_and_delivers_in_the_morning(self) -> None:
        made = world(manual_days=0)
        live(made, 0.5)
        made.receive(reorder())
        told = answers(live(made, 1))
        assert told[:2] == [("order-response", "Mon 14", 24), ("dispatch-advice", "Mon 21", 24)]
        assert told[2] in {("delivery", "Tue 05", 24), ("delivery", "Tue 06", 24)}

    def test_serves_the_last_revision_in_whatever_order_they_came(self) -> None:
        made = world(manual_days=0)
        made.receive(reorder(revision=2, packs=4, quantity=48))
        made.receive(reorder(revision=1, packs=1, quantity=12))
        assert {quantity for *_, quantity in answers(live(made, 1.5))} == {48}

    def test_says_nothing_about_an_order_that_was_cancelled(self) -> None:
        made = world(manual_days=0)
        made.receive(reorder())
        made.receive(reorder(revision=1, packs=0, quantity=0))
        assert answers(live(made, 2)) == []

    def test_puts_what_it_delivers_onto_the_shelf_with_a_date(self) -> None:
        made, without = world(manual_days=0), world(manual_days=0)
        made.receive(reorder())
        deliveries = list(movements(live(made, 1.28), MovementKind.DELIVERY))
        live(without, 1.28)
        assert made.on_shelf("0042", MILK) == without.on_shelf("0042", MILK) + 24
        assert deliveries[0].lines[0].expires_on == date(2026, 6, 11)

    def test_answers_an_order_that_is_read_late_at_once_and_never_in_the_past(self) -> None:
        made = world(manual_days=0)
        live(made, 2.5)
        made.receive(reorder())
        late = live(made, 0.5)
        assert [kind for kind, *_ in answers(late)] == ["order-response", "dispatch-advice", "delivery"]
        assert [one.at for one in late] == sorted(one.at for one in late)

    @pytest.mark.parametrize("mode", [Mode.SHADOW, Mode.ADVISE, Mode.OFF])
    def test_does_nothing_about_an_order_that_is_not_in_force(self, mode: Mode) -> None:
        made = world(manual_days=0)
        made.receive(reorder(mode=mode))
        assert answers(live(made, 2)) == []

    def test_does_not_know_the_stores_of_others(self) -> None:
        made = world(manual_days=0)
        made.receive(reorder(store_id="9999"))
        assert answers(live(made, 2)) == []


class TestUnreliableSupplier:
    def test_refuses_and_shortens_some_orders_the_same_ones_each_time(self) -> None:
        zone = ZoneInfo("Europe/Berlin")
        orders = [reorder(order_id=f"order-{number}") for number in range(2000)]
        plans = [supplier.fulfil(order, seed=1, zone=zone) for order in orders]
        assert plans == [supplier.fulfil(order, seed=1, zone=zone) for order in orders]
        assert plans != [supplier.fulfil(order, seed=2, zone=zone) for order in orders]
        confirmed = Counter(plan.confirmed for plan in plans)
        assert set(confirmed) == {0, 12, 24}
        assert confirmed[24] > 1800
        assert any(0 < plan.delivered < plan.confirmed for plan in plans)
        assert all(plan.delivered <= plan.confirmed for plan in plans)

    def test_delivers_nothing_of_what_it_refuses(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(supplier, "REFUSED_SHARE", 1.0)
        made = world(manual_days=0)
        made.receive(reorder())
        assert answers(live(made, 2)) == [("order-response", "Mon 14", 0)]
