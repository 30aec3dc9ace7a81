"""Real receipts through the whole application, on both brokers, against pandas and against the plain fold.

49,506 lines of 2017 in 308 stores; 271 baskets have a line of quantity 0 and must become dead letters.
"""

import gzip
from pathlib import Path

import pandas as pd
import pytest

from freshmart_streams.events.dead_letters import EXCEPTION
from tests.acceptance.site import Site, Worker, sleep, worker
from tests.support.kafka import Kafka
from tests.support.log import read
from tests.support.waiting import wait_until

ZONE = "America/New_York"
BASKETS_WITH_ZERO = 271
PART_LINES = 2_001  # more, and the embedded broker forgets the first orders
MONEY = ("sales_value", "retail_disc", "coupon_match_disc")

Tables = list[dict[tuple[str, str], bytes]]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_200)]


@pytest.fixture
def receipts(shared_data: Path) -> Path:
    return shared_data / "receipts" / "receipts_2017h1.csv.gz"


@pytest.fixture
def on_kafka(own_kafka: Kafka, tmp_path: Path) -> Site:
    return Site(f"kafka://{own_kafka.address}", tmp_path)


@pytest.fixture
def on_embedded(embedded: str, tmp_path: Path) -> Site:
    return Site(f"embedded://{embedded}", tmp_path)


def first_lines(receipts: Path, folder: Path, count: int) -> Path:
    """The beginning of the file, whole baskets only as far as the file keeps them together."""
    part = folder / "part.csv"
    with gzip.open(receipts, "rt") as source, part.open("w") as target:
        for _, line in zip(range(count), source, strict=False):
            target.write(line)
    return part


def expected(receipts: Path) -> pd.DataFrame:
    """Receipts, units and money per store and local day, by pandas alone, in cents."""
    lines = pd.read_csv(receipts, parse_dates=["transaction_timestamp"])
    without_zero = lines.groupby("basket_id")["quantity"].transform(lambda quantity: (quantity != 0).all())
    lines = lines[without_zero.astype(bool)].copy()
    local = lines["transaction_timestamp"].dt.tz_localize("UTC").dt.tz_convert(ZONE)
    lines["day"] = local.dt.strftime("%Y-%m-%d")
    cents = {
        name: (lines[name] * 100).round().astype(int) for name in ("sales_value", "retail_disc", "coupon_match_disc")
    }
    lines["discounts"] = cents["retail_disc"] + cents["coupon_match_disc"]
    lines["gross"] = cents["sales_value"] + lines["discounts"]
    return lines.groupby(["store_id", "day"]).agg(
        receipts=("basket_id", "nunique"),
        lines=("basket_id", "size"),
        gross_sales=("gross", "sum"),
        discounts=("discounts", "sum"),
    )


def reported(site: Site) -> pd.DataFrame:
    """The same from the newest `store-days` of each store and day."""
    newest: dict[tuple[str, str], dict[str, int]] = {}
    for day in site.published(site.topics.store_days.name):
        key = (day["store_id"], day["day"])
        if key not in newest or day["version"] >= newest[key]["version"]:
            newest[key] = day
    frame = pd.DataFrame(newest.values())
    frame["store_id"] = frame["store_id"].astype(int)
    frame = frame[frame["receipts"] > 0].set_index(["store_id", "day"]).sort_index()
    return frame[["receipts", "lines", "gross_sales", "discounts"]]


def check_figures(site: Site, receipts: Path, with_zero: int, tables: Tables) -> None:
    """Reports equal pandas, dead letters are the baskets with a line of quantity 0, tables and orders the fold's."""
    letters = [m for messages in read(site.bootstrap, site.topics.dead_letters.name).values() for m in messages]
    codes = {dict(m.headers() or [])[EXCEPTION] for m in letters}
    folds = site.folds()
    for fold, rows in zip(folds, tables, strict=True):
        assert rows == fold.stored()
    published = {(order["order_id"], order["revision"]) for order in site.published(site.topics.reorders.name)}
    by_fold = {
        (dict(output.headers)["ce_id"] or b"").decode()
        for fold in folds
        for output in fold.outputs
        if output.topic == site.topics.reorders.name
    }
    assert {f"{order}.{revision}" for order, revision in published} == by_fold
    assert published
    assert (len(letters), codes) == (with_zero, {b"invalid"})
    days = pd.DataFrame(
        [
            {"store_id": int(row_key.split("/")[0]), "day": row_key.split("/")[1]}
            for fold in folds
            for table, row_key in fold.stored()
            if table == "store_days"
        ]
    )
    assert len(days) >= len(expected(receipts))
    pd.testing.assert_frame_equal(reported(site), expected(receipts), check_dtype=False)


def test_all_receipts_on_kafka_with_a_worker_killed_three_times(on_kafka: Site, receipts: Path) -> None:
    site = on_kafka
    assert site.run("topics", "create").returncode == 0
    products = receipts.with_name("products.csv.gz")
    imported = site.run("import", "--timezone", ZONE, "--json", str(products), str(receipts))
    assert imported.returncode == 0, imported.stderr
    for _ in range(3):
        with worker(site, "a") as running:
            wait_until(running.is_ready)
            sleep(2.5)
            running.kill()
    assert not site.is_done(), "the kills were in the middle"
    with worker(site, "a") as running:
        wait_until(site.is_done, 600)  # two minutes of CPU, on a machine that others use too
        close_last_day(site)
        check_conservation(running)
        assert running.stop() == 0
    check_figures(site, receipts, BASKETS_WITH_ZERO, site.tables())


def test_a_part_of_the_receipts_on_the_embedded_broker(on_embedded: Site, receipts: Path, tmp_path: Path) -> None:
    site = on_embedded
    part = first_lines(receipts, tmp_path, PART_LINES)
    with worker(site, "a") as running:
        wait_until(running.is_ready)
        imported = site.run("import", "--timezone", ZONE, str(receipts.with_name("products.csv.gz")), str(part))
        assert imported.returncode == 0, imported.stderr
        wait_until(site.is_done, 120)
        close_last_day(site)
        check_conservation(running)
        assert running.stop() == 0
    baskets = pd.read_csv(part).groupby("basket_id")["quantity"]
    check_figures(site, part, int(baskets.apply(lambda quantity: (quantity == 0).any()).sum()), site.stored_tables("a"))


def check_conservation(running: Worker) -> None:
    """The worker itself looked at its rows and found every law kept."""
    wait_until(lambda: running.metric("freshmart_conservation_checks_total") > 1_000, 120)
    assert running.metric("freshmart_conservation_violations_total") == 0


def close_last_day(site: Site) -> None:
    """An event of each store long after the last receipt, so that every day is published as it ends."""
    later = site.folder / "later.jsonl"
    stores = sorted({receipt["store_id"] for receipt in site.published(site.topics.sales.name)})
    later.write_text(
        "".join(
            f'{{"receipt_id":"end","store_id":"{store}","kind":"training","sold_at":"2017-07-05T12:00:00Z",'
            f'"lines":[{{"sku":"1","quantity":1,"unit_price":1}}]}}\n'
            for store in stores
        )
    )
    assert site.run("import", "--timezone", ZONE, str(later)).returncode == 0
    wait_until(site.is_done)
