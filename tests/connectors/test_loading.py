"""Files come into the topics: stores first, in order of time, nothing lost, nothing invented."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Message

from freshmart_streams.connectors import loading
from freshmart_streams.connectors.kafka import Cluster, Sender
from freshmart_streams.connectors.loading import Loading, Summary, TooOldError, registered_zones
from freshmart_streams.connectors.newest import newest_tick
from freshmart_streams.connectors.source import InputError
from freshmart_streams.domain import times
from freshmart_streams.engine.clock import now_ms

Write = Callable[..., Path]
Messages = Callable[[str], list[Message]]


class Run:
    """An import with everything it says."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.reports: list[str] = []
        self.progress: list[tuple[str, int, int]] = []

    def __call__(self, *paths: Path, timezone: str | None = None) -> Summary:
        return Loading(
            cluster=self.cluster,
            paths=list(paths),
            timezone=timezone,
            dedupe_days=14,
            report=lambda place, reason: self.reports.append(f"{Path(place).name}: {reason}"),
            on_trouble=self.reports.append,
            on_survey=lambda done, total: self.progress.append(("checking", done, total)),
            on_send=lambda done, total: self.progress.append(("sending", done, total)),
        ).run()


@pytest.fixture
def run(cluster: Cluster) -> Run:
    return Run(cluster)


def receipt(number: int, at: str = "2024-10-08T09:13:05Z", store: str = "0042") -> str:
    lines = [{"sku": "1", "quantity": 1, "unit_price": 100}]
    return json.dumps({"receipt_id": f"r{number}", "store_id": store, "sold_at": at, "lines": lines})


def count(number: int, at: str, store: str = "0042") -> str:
    lines = [{"sku": "1", "quantity": 5}, {"sku": "2", "quantity": 5}]
    return json.dumps({"event_id": f"e{number}", "store_id": store, "occurred_at": at, "kind": "count", "lines": lines})


def values(messages: list[Message]) -> list[dict[str, Any]]:
    return [json.loads(message.value() or b"null") for message in messages]


def send(cluster: Cluster, name: str, key: bytes, value: bytes | None) -> None:
    sender = Sender(cluster, on_trouble=print)
    sender.send(cluster.topic(name), key=key, value=value)
    sender.flush()


class TestStores:
    def test_that_nobody_registered_are_registered_with_the_zone_and_the_defaults(
        self, run: Run, file: Write, messages: Messages
    ) -> None:
        summary = run(file("\n".join([receipt(1), receipt(2, store="0043")])), timezone="Europe/Berlin")
        assert sorted(values(messages("stores")), key=str) == [
            {"store_id": "0042", "timezone": "Europe/Berlin"},
            {"store_id": "0043", "timezone": "Europe/Berlin"},
        ]
        assert (summary.stores_registered, summary.receipts, summary.acknowledged) == (2, 2, 4)

    def test_that_are_registered_need_no_zone_and_are_left_alone(
        self, cluster: Cluster, run: Run, file: Write, messages: Messages
    ) -> None:
        send(cluster, "stores", b"0042", b'{"store_id": "0042", "timezone": "Asia/Tokyo"}')
        assert run(file(receipt(1))).stores_registered == 0
        assert len(messages("stores")) == 1

    def test_that_were_deleted_are_missing_again(self, cluster: Cluster, run: Run, file: Write) -> None:
        send(cluster, "stores", b"0042", b'{"store_id": "0042"}')
        send(cluster, "stores", b"0042", None)
        with pytest.raises(InputError, match="1 stores in the files are not registered"):
            run(file(receipt(1)))

    def test_without_a_zone_end_the_import_before_anything_is_sent(
        self, run: Run, file: Write, messages: Messages
    ) -> None:
        path = file("\n".join(receipt(number, store=f"s{number}") for number in range(5)))
        with pytest.raises(InputError, match=r"5 stores .* \(s0, s1, s2, …\): .*--timezone Europe/Berlin"):
            run(path)
        assert messages("stores") == messages("sales") == []

    def test_with_a_zone_that_is_none_end_the_import(self, run: Run, file: Write) -> None:
        with pytest.raises(InputError, match="no such time zone: 'Berlin'"):
            run(file(receipt(1)), timezone="Berlin")

    def test_in_the_files_count_as_registered(self, run: Run, file: Write, messages: Messages) -> None:
        rows = file('{"store_id": "0042", "timezone": "Europe/Berlin", "name": "Bonn"}', "stores")
        summary = run(file(receipt(1), "receipts"), rows)
        assert (summary.stores, summary.stores_registered) == (1, 0)
        assert [store["name"] for store in values(messages("stores"))] == ["Bonn"]

    def test_with_an_impossible_id_are_not_registered(self, run: Run, file: Write, messages: Messages) -> None:
        assert run(file(receipt(1, store="a b"))).stores_registered == 0
        assert [message.key() for message in messages("sales")] == [b"a b"]


class TestTimes:
    @pytest.mark.parametrize(
        ("rows", "timezone", "expected"),
        [
            ([], "Asia/Tokyo", "2024-10-08T09:00:00+09:00"),
            (['{"store_id": "0042", "timezone": "Europe/Berlin"}'], None, "2024-10-08T09:00:00+02:00"),
            (['{"store_id": "0042"}'], None, "2024-10-08T09:00:00+00:00"),
            (['{"store_id": "0042", "timezone": "Nowhere"}'], None, "2024-10-08T09:00:00+00:00"),
        ],
    )
    def test_without_an_offset_are_the_stores(
        self, run: Run, file: Write, messages: Messages, rows: list[str], timezone: str | None, expected: str
    ) -> None:
        run(file("\n".join([receipt(1, at="2024-10-08T09:00:00"), *rows])), timezone=timezone)
        assert [one["sold_at"] for one in values(messages("sales"))] == [expected]


class TestOrder:
    def test_of_several_files_is_that_of_their_times(self, run: Run, file: Write, messages: Messages) -> None:
        hours = [f"2024-10-08T{hour:02}:00:00Z" for hour in range(24)]
        odd = file("\n".join(receipt(n, hours[n]) for n in range(1, 24, 2)), "odd")
        even = file("\n".join(receipt(n, hours[n]) for n in range(0, 24, 2)), "even")
        run(odd, even, timezone="UTC")
        assert [one["receipt_id"] for one in values(messages("sales"))] == [f"r{n}" for n in range(24)]

    def test_of_one_file_is_its_own(self, run: Run, file: Write, messages: Messages) -> None:
        shuffled = [5, 1, 4, 2, 3]
        run(file("\n".join(receipt(n, f"2024-10-0{n}T00:00:00Z") for n in shuffled)), timezone="UTC")
        assert [one["receipt_id"] for one in values(messages("sales"))] == [f"r{n}" for n in shuffled]

    def test_between_receipts_and_movements_is_what_the_broker_will_tell(
        self, run: Run, file: Write, messages: Messages
    ) -> None:
        days = [f"2024-10-{day:02}" for day in range(1, 11)]
        sales = file("\n".join(receipt(n, f"{day}T12:00:00Z") for n, day in enumerate(days)), "sales")
        counts = file("\n".join(count(n, f"{day}T23:00:00Z") for n, day in enumerate(days)), "counts")
        summary = run(sales, counts, timezone="UTC")
        assert (summary.receipts, summary.movements, summary.lines) == (10, 10, 30)
        stamped = [(m.timestamp()[1], "r", n) for n, m in enumerate(messages("sales"))]
        stamped += [(m.timestamp()[1], "s", n) for n, m in enumerate(messages("inventory"))]
        assert [kind for _, kind, _ in sorted(stamped, key=lambda one: (one[0], one[2], one[1]))] == ["r", "s"] * 10

    def test_puts_master_data_before_what_needs_it(self, run: Run, file: Write, messages: Messages) -> None:
        run(file("\n".join([receipt(1), '{"sku": "1"}', '{"store_id": "0042"}'])))
        (sold,), (product,), (store,) = messages("sales"), messages("products"), messages("stores")
        assert max(product.timestamp()[1], store.timestamp()[1]) <= sold.timestamp()[1]


class TestTrouble:
    def test_in_lines_is_reported_once_and_the_rest_is_sent(self, run: Run, file: Write) -> None:
        rows = [receipt(1), "broken", '{"sku": "1"}', '{"customer_id": "c", "event_id": "e"}', receipt(2)]
        summary = run(file("\n".join(rows)), timezone="UTC")
        assert (summary.receipts, summary.products, summary.skipped) == (2, 1, 2)
        assert [report.partition(" ")[0] for report in run.reports] == ["file:2:", "file:4:"]

    def test_in_every_line_is_reported_too(self, run: Run, file: Write) -> None:
        path = file("{broken}\n{broken}\n")
        assert (run(path).skipped, len(run.reports)) == (2, 2)

    def test_with_one_file_ends_the_import_before_anything_is_sent(
        self, run: Run, file: Write, tmp_path: Path, messages: Messages
    ) -> None:
        with pytest.raises(InputError, match="No such file"):
            run(file(receipt(1)), tmp_path / "missing", timezone="UTC")
        assert messages("sales") == []


class TestAge:
    def tick(self, cluster: Cluster) -> None:
        send(cluster, "ticks", b"", b'{"at": "2026-01-01T00:00:00Z"}')

    def test_of_the_newest_event_ends_the_import_when_the_clock_is_live(
        self, cluster: Cluster, run: Run, file: Write, messages: Messages
    ) -> None:
        self.tick(cluster)
        with pytest.raises(TooOldError, match=r"the newest event \(2024-10-08 09:13 UTC\) is more than 14 days old"):
            run(file(receipt(1)), timezone="UTC")
        assert messages("sales") == []

    def test_does_not_matter_while_one_event_is_recent(self, cluster: Cluster, run: Run, file: Write) -> None:
        self.tick(cluster)
        present = times.to_datetime(times.from_milliseconds(now_ms()) - 13 * times.DAY, "UTC").isoformat()
        assert run(file("\n".join([receipt(1), receipt(2, at=present)])), timezone="UTC").receipts == 2

    def test_does_not_matter_to_master_data(self, cluster: Cluster, run: Run, file: Write) -> None:
        self.tick(cluster)
        assert run(file('{"sku": "1"}')).products == 1

    def test_does_not_matter_without_ticks(self, run: Run, file: Write) -> None:
        assert run(file(receipt(1)), timezone="UTC").receipts == 1

    def test_is_measured_from_the_newest_tick(self, cluster: Cluster) -> None:
        assert newest_tick(cluster) is None
        self.tick(cluster)
        found = newest_tick(cluster)
        assert found is not None
        assert abs(found - times.from_milliseconds(now_ms())) < times.MINUTE


class TestProgress:
    def test_goes_from_nothing_to_the_size_of_the_files_and_never_back(
        self, run: Run, file: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(loading, "_TELL_EVERY", 10)
        sales = file("\n".join(receipt(n) for n in range(2000)), "sales")
        products = file("\n".join(f'{{"sku": "{n}"}}' for n in range(2000)), "products")
        run(sales, products, timezone="UTC")
        size = sales.stat().st_size + products.stat().st_size
        for phase in ("checking", "sending"):
            done = [(done, total) for name, done, total in run.progress if name == phase]
            assert done == sorted(done)
            assert {total for _, total in done} == {size}
            assert done[-1] == (size, size)
            assert len(done) > 100


class TestRegisteredZones:
    def test_are_those_of_the_newest_readable_rows(self, cluster: Cluster) -> None:
        for key, value in [
            (b"a", b'{"store_id": "a", "timezone": "UTC"}'),
            (b"a", b'{"store_id": "a", "timezone": "Asia/Tokyo"}'),
            (b"b", b'{"store_id": "b"}'),
            (b"c", b"{broken"),
            (b"\xff", b'{"store_id": "d"}'),
        ]:
            send(cluster, "stores", key, value)
        assert registered_zones(cluster) == {"a": "Asia/Tokyo", "b": "UTC"}


class TestRealReceipts:
    def test_are_imported_whole_and_twice_with_the_same_ids(
        self, run: Run, shared_data: Path, messages: Messages
    ) -> None:
        folder = shared_data / "receipts"
        summary = run(folder / "receipts_2017h1.csv.gz", folder / "products.csv.gz", timezone="America/New_York")
        assert run.reports == []
        assert vars(summary) == {
            "receipts": 28_042,
            "movements": 0,
            "lines": 49_506,
            "products": 16_376,
            "stores": 0,
            "stores_registered": 236,
            "skipped": 0,
            "acknowledged": 28_042 + 16_376 + 236,
            "refused": 0,
        }
        # The embedded broker keeps the newest few megabytes of each partition only.
        assert {len(message.key() or b"") > 0 for message in messages("sales")} == {True}
        again = run(folder / "receipts_2017h1.csv.gz")
        assert (again.stores_registered, again.receipts) == (0, 28_042)
