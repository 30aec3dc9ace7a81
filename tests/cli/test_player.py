"""The player sends a world in its order, keeps its pace, and closes the loop with the reorders that come back."""

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from confluent_kafka import Message
from msgspec.structs import replace

from freshmart_streams.cli.lines import Lines
from freshmart_streams.cli.live import show
from freshmart_streams.cli.messages import GERMAN
from freshmart_streams.cli.player import FASTEST, Played, Player
from freshmart_streams.connectors.kafka import Cluster, Sender, read_to_end
from freshmart_streams.connectors.kafka_admin import touch
from freshmart_streams.engine.clock import now_ms
from freshmart_streams.events.codec import encode
from freshmart_streams.simulation.world import Plan, World
from tests.cli.conftest import Freshmart
from tests.cli.test_lines import ALERT, ORDER

MONDAY = date(2026, 6, 1)


@pytest.fixture
def cluster(embedded: str) -> Cluster:
    made = Cluster(bootstrap=embedded, prefix="freshmart.", is_embedded=True)
    touch(made, [made.topic(name) for name in ("sales", "inventory", "products", "stores", "reorders", "alerts")])
    return made


def player(world: World, cluster: Cluster, *, speed: float = FASTEST, stop: threading.Event | None = None) -> Player:
    return Player(world, cluster, speed=speed, stop=stop or threading.Event(), say=print)


def in_background(work: Any) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def eventually(wanted: Any, within_s: float = 20) -> bool:
    deadline = time.monotonic() + within_s
    while not wanted():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def read(cluster: Cluster, name: str) -> list[dict[str, Any]]:
    return [json.loads(message.value() or b"") for message in read_to_end(cluster, cluster.topic(name))]


def moment(receipt: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(receipt["sold_at"])


class TestPlayer:
    def test_sends_everything_that_happens(self, cluster: Cluster) -> None:
        world, same = (World(Plan(start=MONDAY, stores=1, manual_days=2)) for _ in range(2))
        end = world.now + timedelta(days=3)
        played = player(world, cluster).run(end)
        expected = list(same.advance(end))
        assert played == Played(
            receipts=sum(one.topic == "sales" for one in expected),
            movements=sum(one.topic == "inventory" for one in expected),
            master_data=42,
        )
        assert world.now == end
        sold = [json.loads(encode(one.event)) for one in expected if one.topic == "sales"]
        assert read(cluster, "sales") == sold

    def test_tells_the_broker_the_order_of_the_world(self, cluster: Cluster) -> None:
        world = World(Plan(start=MONDAY, stores=1, manual_days=0))
        player(world, cluster).run(world.now + timedelta(days=2))
        messages: list[Message] = [
            *read_to_end(cluster, "freshmart.sales"),
            *read_to_end(cluster, "freshmart.inventory"),
        ]
        stamped = [(message.timestamp()[1], json.loads(message.value() or b"")) for message in messages]
        times = [
            datetime.fromisoformat(event.get("sold_at") or event["occurred_at"])
            for _, event in sorted(stamped, key=lambda one: one[0])
        ]
        disorder = max(earlier - later for earlier, later in pairwise(times))
        assert disorder < timedelta(minutes=15), "one step"

    def test_sends_history_without_waiting_and_then_keeps_its_pace(self, cluster: Cluster) -> None:
        world = World(Plan(start=MONDAY, stores=1, products=5, manual_days=7))
        history_ended: list[datetime] = []
        began = time.monotonic()
        player(world, cluster, speed=3600).run(
            world.history_ends_at + timedelta(hours=12), on_history=lambda: history_ended.append(world.now)
        )
        # Four hours of night and three until the shops open at six hours a second, then five at one an hour.
        assert 5 < time.monotonic() - began < 20
        assert history_ended == [world.history_ends_at]

    def test_never_passes_the_present(self, cluster: Cluster) -> None:
        today = datetime.fromtimestamp(now_ms() / 1000, UTC).date()
        world = World(Plan(start=today, stores=1, products=5, manual_days=0))
        stop = threading.Event()
        thread = in_background(lambda: player(world, cluster, speed=1_000_000, stop=stop).run())
        time.sleep(2)
        stop.set()
        thread.join(10)
        assert not thread.is_alive()
        assert abs(world.now.timestamp() - now_ms() / 1000) < 60

    def test_hands_reorders_to_the_supplier_who_answers(self, cluster: Cluster) -> None:
        world = World(Plan(start=MONDAY, stores=1, manual_days=0))
        stop = threading.Event()
        playing = player(world, cluster, speed=20_000, stop=stop)
        thread = in_background(playing.run)
        assert eventually(lambda: playing.played.receipts > 0)
        cut_off = world.now + timedelta(hours=2)
        order = replace(ORDER, cut_off_at=cut_off, deliver_by=cut_off.date() + timedelta(days=1))
        sender = Sender(cluster, on_trouble=print)
        sender.send("freshmart.reorders", key=b"0042", value=b"{no reorder}")
        sender.send("freshmart.reorders", key=b"0042", value=encode(order))
        sender.flush()
        assert eventually(lambda: any(one.get("order_id") == "o1" for one in read(cluster, "inventory")))
        stop.set()
        thread.join(10)
        assert playing.played.reorders == 1
        told = [one for one in read(cluster, "inventory") if one.get("order_id") == "o1"]
        assert told[0]["kind"] == "order-response"
        assert datetime.fromisoformat(told[0]["occurred_at"]) > cut_off


class TestShow:
    @pytest.fixture
    def shown(self, cluster: Cluster) -> Iterator[list[tuple[str, str]]]:
        """Every line that is written, with its style."""
        written: list[tuple[str, str]] = []
        stop = threading.Event()
        lines = Lines(GERMAN, stores={"0042": "Bonn Mitte"}, products={})
        thread = in_background(
            lambda: show(cluster, lines, stop=stop, write=lambda line, style: written.append((line, style)))
        )
        yield written
        stop.set()
        thread.join(10)
        assert not thread.is_alive()

    def test_writes_reorders_and_alerts_as_they_come(self, cluster: Cluster, shown: list[tuple[str, str]]) -> None:
        sender = Sender(cluster, on_trouble=print)
        for topic, value in [
            ("reorders", encode(ORDER)),
            ("alerts", encode(ALERT)),
            ("reorders", b"{broken"),
        ]:
            sender.send(f"freshmart.{topic}", key=b"0042", value=value)
        sender.flush()
        assert eventually(lambda: len(shown) == 3)
        assert sorted(style for _, style in shown) == ["", "red", "yellow"]
        assert any("2 Kisten (24 Stück) für Mi 09.10." in line for line, _ in shown)
        assert any("Hinweis: Bestand unter null, bitte zählen" in line for line, _ in shown)


class TestSimulate:
    def test_ends_after_its_days_and_prints_what_it_did(self, freshmart: Freshmart, broker: Cluster) -> None:
        arguments = ("--days", "3", "--history", "1", "--speed", "0", "--stores", "2", "--start", "2026-06-01")
        ended = freshmart("simulate", *arguments, "--json")
        figures = json.loads(ended.out)
        assert ended.code == 0
        assert figures["simulated_until"] == "2026-06-03T22:00:00+00:00"
        assert figures["receipts"] == len(read(broker, "sales")) > 100
        assert ended.err == "history sent, up to 2026-06-01 22:00 UTC\n"

    def test_goes_on_with_the_day_after_the_newest_event(self, freshmart: Freshmart, broker: Cluster) -> None:
        arguments = ("simulate", "--days", "2", "--speed", "0", "--stores", "1", "--json")
        freshmart(*arguments, "--history", "1")
        first = read(broker, "sales")
        ended = freshmart(*arguments)
        second = read(broker, "sales")[len(first) :]
        newest = max(moment(event) for event in first)
        days = [{moment(event).date() for event in events} for events in (first, second)]
        assert ended.code == 0
        assert min(days[1]) == max(days[0]) + timedelta(days=1)
        assert "going on with" in ended.err
        assert "history" not in ended.err
        assert min(moment(event) for event in second) > newest
        ids = [event["receipt_id"] for event in (*first, *second)]
        assert len(ids) == len(set(ids)) > 100

    def test_tells_only_what_the_supplier_still_owes(self, freshmart: Freshmart, broker: Cluster) -> None:
        freshmart("simulate", "--days", "1", "--history", "0", "--speed", "0", "--stores", "1")
        sold = [moment(event) for event in read(broker, "sales")]
        today = min(sold)
        closed = replace(ORDER, order_id="closed", cut_off_at=today, deliver_by=today.date() - timedelta(days=1))
        owed = replace(ORDER, order_id="owed", cut_off_at=today, deliver_by=today.date() + timedelta(days=1))
        sender = Sender(broker, on_trouble=print)
        for order in (closed, owed):
            sender.send("freshmart.reorders", key=b"0042", value=encode(order))
        sender.flush()
        before = len(read(broker, "inventory"))
        ended = freshmart("simulate", "--days", "1", "--speed", "0", "--stores", "1")
        told = [one for one in read(broker, "inventory")[before:] if "order_id" in one]
        assert ended.code == 0
        assert [(one["order_id"], one["kind"]) for one in told] == [("owed", "delivery")]

    def test_a_world_of_tomorrow_waits_for_it(self, cluster: Cluster) -> None:
        tomorrow = datetime.fromtimestamp(now_ms() / 1000, UTC).date() + timedelta(days=2)
        world = World(Plan(start=tomorrow, stores=1, products=5, manual_days=0))
        stop = threading.Event()
        thread = in_background(lambda: player(world, cluster, stop=stop).run())
        time.sleep(1)
        stop.set()
        thread.join(10)
        assert not thread.is_alive()
        assert read(cluster, "stores") == []

    def test_refuses_to_play_the_past_to_a_live_clock(self, freshmart: Freshmart, broker: Cluster) -> None:
        sender = Sender(broker, on_trouble=print)
        sender.send("freshmart.ticks", key=None, value=b'{"at": "2026-01-01T00:00:00Z"}')
        sender.flush()
        ended = freshmart("simulate", "--days", "1")
        assert (ended.code, ended.out, ended.err.count("\n")) == (1, "", 1)
        assert "FRESHMART_CLOCK=events" in ended.err
        assert list(read_to_end(broker, "freshmart.sales")) == []
