"""What the benchmark's figures rest on, without a broker: the receipts, their sums, the part of a run that counts."""

import argparse
import json
import os
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest
from confluent_kafka import Message

from benchmarks.__main__ import main
from benchmarks.broker import Broker
from benchmarks.contestants import Result, Run
from benchmarks.day import BY_HAND_DAYS, START, Written, articles_for, count_day
from benchmarks.freshmart import Freshmart
from benchmarks.growth import setups
from benchmarks.latency import needed, quantiles
from benchmarks.measuring import Course, Running, Sample
from benchmarks.report import Figures, table
from benchmarks.ways import Commits, Logged, Way, slowest_parts
from benchmarks.workload import DUPLICATES, LINES, Chain, Truth, messages, truth_of
from freshmart_streams.engine.changelog import MARKER
from freshmart_streams.engine.journal import Marker, encode_marker
from freshmart_streams.engine.records import Position
from freshmart_streams.simulation.world import Plan, World
from tests.support.waiting import wait_until

CHAIN = Chain(receipts=2_000, stores=3, articles=50)


class TestReceipts:
    def test_are_the_same_each_time_and_others_on_another_day(self) -> None:
        assert list(messages(CHAIN)) == list(messages(CHAIN))
        yesterday = {key + value for key, value in messages(replace(CHAIN, day=-1))}
        assert yesterday.isdisjoint(key + value for key, value in messages(CHAIN))

    def test_sum_up_to_the_truth_each_id_once(self) -> None:
        receipts = {value: json.loads(value) for _, value in messages(CHAIN)}
        truth = truth_of(CHAIN)
        assert truth.messages == CHAIN.receipts
        assert truth.receipts == len(receipts) == len({each["receipt_id"] for each in receipts.values()})
        assert truth.receipts == pytest.approx(CHAIN.receipts * (1 - DUPLICATES), rel=0.02)
        lines = [line for each in receipts.values() for line in each["lines"]]
        assert truth.lines == len(lines) == LINES * truth.receipts
        assert truth.gross == sum(line["quantity"] * line["unit_price"] for line in lines)
        assert truth.discounts == sum(line["discount"] for line in lines)
        assert truth.units == sum(truth.sold.values()) == sum(line["quantity"] for line in lines)

    def test_are_of_one_day_in_order_and_the_best_article_sells_most(self) -> None:
        receipts = [json.loads(value) for _, value in messages(CHAIN)]
        assert {each["sold_at"][:10] for each in receipts} == {CHAIN.opens_at.date().isoformat()}
        week = [json.loads(value) for _, value in messages(replace(CHAIN, day=-7, days=7))]
        assert len({each["sold_at"][:10] for each in week}) == 7
        assert max(each["sold_at"] for each in week) < min(each["sold_at"] for each in receipts)
        sold = truth_of(CHAIN).sold
        per_article = {sku: sum(sold.get(f"{store}/{sku}", 0) for store in CHAIN.store_ids) for sku in CHAIN.skus}
        assert max(per_article, key=lambda sku: per_article[sku]) == CHAIN.skus[0]


def test_a_wrong_result_is_told() -> None:
    truth = Truth(messages=1, receipts=1, lines=2, gross=300, discounts=0, sold={"0001/a": 2, "0001/b": 1})
    assert Result(1, 2, 300, 0, 2, 3).differences(truth) == []
    assert Result(1, 2, 300, 0, 2, 4).differences(truth) == ["sold: 4 instead of 3"]


def test_what_counts_of_a_run_is_from_before_its_first_write_to_its_last() -> None:
    written = [0, 0, 0, 5, 9, 9, 9]
    course = Course([Sample(float(at), 2.0 * at, at, end, 3.0 * at) for at, end in enumerate(written)])
    assert (course.seconds, course.cpu_seconds, course.machine_cores) == (2.0, 4.0, 3.0)
    assert (course.cpu_seconds_in_all, course.peak_resident) == (12.0, 6)


def test_processes_are_watched_together(tmp_path: Path) -> None:
    program = """
import os, time
held = b"x" * 50_000_000
while time.process_time() < 0.2:
    pass
print(os.environ["NAME"], flush=True)
time.sleep(60)
"""
    both = Running([sys.executable, "-c", program], [{**os.environ, "NAME": name} for name in "ab"], tmp_path / "both")
    written = iter([0, *[1] * 1_000])
    try:
        wait_until(lambda: sorted(both.output.read_text().split()) == ["a", "b"])
        course = both.watch(lambda: next(written), quiet_seconds=0.3)
    finally:
        both.stop()
    assert both.has_ended
    assert course.peak_resident > 100_000_000
    assert course.cpu_seconds_in_all >= 0.35  # the system counts in hundredths of a second


def test_each_worker_has_a_folder_and_a_port_of_its_own(tmp_path: Path) -> None:
    run = Run(Broker("127.0.0.1:1", partitions=64), tmp_path, "one", "")
    told = Freshmart(workers=3).environments(run)
    assert len({own["FRESHMART_DATA_DIR"] for own in told}) == len({own["FRESHMART_WEB_PORT"] for own in told}) == 3
    assert {own["FRESHMART_PARTITIONS"] for own in told} == {"64"}
    assert len({own["FRESHMART_TOPIC_PREFIX"] for own in told}) == 1


def test_growth_is_over_every_combination_with_as_many_stores_as_it_takes() -> None:
    asked = argparse.Namespace(sizes=[10_000, 100_000], workers=[1, 2], partitions=[4, 64])
    found = setups(Chain(), asked)
    assert len(found) == 8
    assert {(each.chain.stores, each.chain.articles) for each in found} == {(1, 10_000), (5, 20_000)}
    assert len(set(found[0].chain.keys)) == 10_000


def test_the_table_has_medians_and_ratios() -> None:
    runs = [Figures("freshmart", 1_000_000, 10.0, cpu, cpu, 100.0, 0.1) for cpu in (9.0, 10.0, 30.0)]
    runs.append(Figures("plain Faust", 1_000_000, 500.0, 400.0, 400.0, 50.0, 0.1))
    rows = table(runs).splitlines()
    assert rows[2].startswith("| freshmart | 3 | 100,000 | 10.0 |")
    assert rows[3].endswith("| 0.025 |")


def test_quantiles_are_of_what_was_measured() -> None:
    assert quantiles([number / 1e3 for number in range(1, 101)]) == "51.0, 96.0, 100.0, 100.0"
    assert quantiles([0.002]) == "2.0, 2.0, 2.0, 2.0"


class Marked:
    """A changelog's message with a commit's marker."""

    def __init__(self, partition: int, next_offset: int, at: int) -> None:
        self._partition = partition
        self._value = encode_marker(Marker(id="log", seq=1, offsets={"sales": {partition: next_offset}}, at=at))

    def key(self) -> bytes:
        return MARKER

    def value(self) -> bytes:
        return self._value

    def partition(self) -> int:
        return self._partition


def test_a_receipt_belongs_to_the_first_commit_that_goes_beyond_it() -> None:
    marked = [Marked(0, 10, 1_000), Marked(0, 20, 2_000), Marked(1, 15, 9_000)]
    commits = Commits(cast(list[Message], marked), "sales")
    began = [commits.began_ms(Logged(Position("sales", 0), offset, 0)) for offset in (0, 9, 10, 19)]
    assert began == [1_000, 1_000, 2_000, 2_000]
    assert commits.began_ms(Logged(Position("sales", 1), 9, 0)) == 9_000


def test_the_parts_of_the_slowest_percent_add_up_to_its_ways() -> None:
    found = [Way(0.0, 1.0, 3.0, 6.0 + number) for number in range(200)]
    assert slowest_parts(found) == (1.0, 2.0, 201.5)
    assert sum(slowest_parts(found)) == pytest.approx((found[-1].seconds + found[-2].seconds) / 2)
    assert slowest_parts(found[:1]) == found[0].parts


def test_each_load_takes_its_share_of_the_peak_while_it_is_measured_and_before() -> None:
    assert needed(100.0, 7) == 200 + 500 + 800
    assert needed(0.0, 7) == 0


class Sent:
    """A message with a value."""

    def __init__(self, value: dict[str, object]) -> None:
        self._value = json.dumps(value).encode()

    def value(self) -> bytes:
        return self._value


def test_a_day_counts_voids_as_receipts_without_lines_and_revisions_apart_from_reorders() -> None:
    sales = [Sent({"lines": [{}, {}]}), Sent({"kind": "void"})]
    reorders = [Sent({"revision": number}) for number in (0, 1, 2, 0)]
    assert count_day(cast(list[Message], sales), cast(list[Message], reorders)) == Written(2, 2, 2, 2)


def test_a_store_of_middle_size_has_about_the_receipts_that_were_asked_for() -> None:
    world = World(Plan(start=START, stores=1, products=articles_for(300), manual_days=BY_HAND_DAYS + 2))
    *_, thursday = [
        [each for each in world.advance(world.history_ends_at - timedelta(days=left)) if each.topic == "sales"]
        for left in (1, 0)
    ]
    assert {each.at.isoweekday() for each in thursday} == {4}
    assert len(thursday) == pytest.approx(300, rel=0.15)


@pytest.mark.parametrize("what", ["throughput", "latency", "recovery", "growth", "day"])
def test_each_says_what_it_does(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([what, "--help"])
    assert ended.value.code == 0
    assert "--receipts" in capsys.readouterr().out


def test_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert {"throughput", "latency", "recovery", "growth", "day"} <= set(capsys.readouterr().out.split())
