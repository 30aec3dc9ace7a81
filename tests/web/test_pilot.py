"""What shadow mode showed, as an answer of a worker and as a command that asks for it."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from freshmart_streams import tables
from freshmart_streams.domain.pilots import Pilot
from tests.web.conftest import Connect
from tests.web.fakes import Site
from tests.web.shop import CLOCK as AT

DAY = 86_400 * 1_000_000
PILOT = Pilot(
    since=AT - 21 * DAY,
    article_days=2_000,
    stock=3_000_000,
    trial_stock=2_400_000,
    missing=60_000,
    lost=1_234.6,
    trial_lost=600,
    received=900_000,
    ordered=850_000,
    orders=410,
    wasted=20_000,
    trial_wasted=8_000,
    changed_at=AT,
)


class TestView:
    async def test_shows_the_store_beside_its_trial(self, connect: Connect, bare: Site) -> None:
        bare.rows.put(tables.pilots, "0042", PILOT)
        client = await connect(bare)
        assert await (await client.get("/v1/stores/0042/pilot")).json() == {
            "store_id": "0042",
            "since": "2024-09-17T13:45:00+02:00",
            "until": None,
            "article_days": 2_000,
            "out_of_stock": 0.03,
            "orders": 410,
            "store": {"stock": 1_500, "brought": 900_000, "lost": 1_235, "wasted": 20_000},
            "trial": {"stock": 1_200, "brought": 850_000, "lost": 600, "wasted": 8_000},
            "as_of": "2024-10-08T13:45:00+02:00",
        }

    async def test_of_the_first_day_has_no_mean_yet(self, connect: Connect, bare: Site) -> None:
        bare.rows.put(tables.pilots, "0042", Pilot(AT, until=AT + DAY, changed_at=AT))
        client = await connect(bare)
        found = await (await client.get("/v1/stores/0042/pilot")).json()
        assert (found["store"]["stock"], found["out_of_stock"]) == (None, None)
        assert found["until"] == "2024-10-09T13:45:00+02:00"

    @pytest.mark.parametrize("store_id", ["0042", "9999"])
    async def test_of_a_store_without_one_is_not_found(self, connect: Connect, bare: Site, store_id: str) -> None:
        client = await connect(bare)
        assert (await client.get(f"/v1/stores/{store_id}/pilot")).status == 404


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


async def ask(*arguments: str) -> Ended:
    """Run `freshmart pilot` as a process beside the server, which runs in this one."""
    command = [sys.executable, "-m", "freshmart_streams", "pilot", "0042", *arguments]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = await process.communicate()
    return Ended(process.returncode or 0, out.decode(), err.decode())


class TestCommand:
    async def test_puts_both_side_by_side(self, connect: Connect, bare: Site) -> None:
        bare.rows.put(tables.pilots, "0042", PILOT)
        client = await connect(bare)
        code, out, err = await ask("--url", str(client.make_url("/")))
        assert code == 0
        rows = [[word for word in line.split() if word.isascii()] for line in out.splitlines()]
        assert ["stock,", "mean", "per", "article", "15.00", "12.00", "-20.0%"] in rows
        assert ["expired", "200.00", "80.00", "-60.0%"] in rows
        assert "410 orders" in err
        assert "3.0% of the opening time" in err

    async def test_prints_the_answer_as_json(self, connect: Connect, bare: Site) -> None:
        bare.rows.put(tables.pilots, "0042", PILOT)
        client = await connect(bare)
        ended = await ask("--url", str(client.make_url("/")), "--json")
        assert json.loads(ended.out) == await (await client.get("/v1/stores/0042/pilot")).json()

    async def test_of_a_store_that_has_none_says_so_in_a_line(self, connect: Connect, bare: Site) -> None:
        client = await connect(bare)
        code, _, err = await ask("--url", str(client.make_url("/")))
        assert (code, err.count("\n")) == (1, 1)
        assert "never been in shadow mode" in err

    async def test_shows_its_token(self, connect: Connect, guarded: Site, tmp_path: Path) -> None:
        client = await connect(guarded)
        url, file = str(client.make_url("/")), tmp_path / "token"
        assert (await ask("--url", url)).code == 1
        file.write_text("bonn\n")
        assert (await ask("--url", url, "--token-file", str(file))).code == 0

    @pytest.mark.parametrize(
        ("more", "code", "says"),
        [
            (["--url", "http://127.0.0.1:1"], 1, "no worker answers"),
            (["--url", "localhost:6066"], 2, "begins with http"),
            (["--token-file", "no-such-file"], 2, "no-such-file"),
        ],
    )
    async def test_what_is_wrong_is_one_line(self, more: list[str], code: int, says: str) -> None:
        ended = await ask(*more)
        assert ended.code == code
        assert says in ended.err
        assert ended.err.count("\n") == 1
