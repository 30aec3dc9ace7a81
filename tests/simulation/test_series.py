"""The worlds of daily series are what their descriptions say, and the same every time."""

import csv
from itertools import groupby

import pytest

from freshmart_streams.simulation.series import HEADER, WORLDS, lines


def rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(lines(name)))


@pytest.mark.parametrize("name", WORLDS)
class TestEveryWorld:
    def test_is_the_same_for_the_same_seed_only(self, name: str) -> None:
        first = list(lines(name, seed=2))
        assert first == list(lines(name, seed=2)) != list(lines(name, seed=3))
        assert first[0] == HEADER

    def test_has_a_line_per_article_and_day(self, name: str) -> None:
        world = WORLDS[name]
        days = [len(list(group)) for _, group in groupby(rows(name), key=lambda row: row["series"])]
        assert days == [world.days] * world.articles

    def test_sells_all_that_is_asked_for_unless_it_runs_out(self, name: str) -> None:
        for row in rows(name):
            assert int(row["quantity"]) <= int(row["demand"])
            assert float(row["stock_out"]) > 0 or row["quantity"] == row["demand"]


class TestWorlds:
    def test_promotions_sell_more_for_less(self) -> None:
        found = rows("promotion")
        promoted = [int(row["demand"]) for row in found if row["promotion"] == "1"]
        others = [int(row["demand"]) for row in found if row["promotion"] == "0"]
        assert 1.8 < sum(promoted) / len(promoted) / (sum(others) / len(others)) < 3.2

    def test_censored_runs_out_on_one_day_in_eight(self) -> None:
        found = rows("censored")
        assert 0.1 < sum(float(row["stock_out"]) > 0 for row in found) / len(found) < 0.15

    def test_intermittent_mostly_sells_nothing(self) -> None:
        found = rows("intermittent")
        assert sum(row["quantity"] == "0" for row in found) > 0.6 * len(found)
