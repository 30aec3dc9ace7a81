"""Clients of a worker's web side."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from tests.web import shop
from tests.web.fakes import Site
from tests.web.tokens import write_tokens

Connect = Callable[[Site], Awaitable[TestClient]]  # type: ignore[type-arg]


@pytest.fixture
def site() -> Site:
    """A worker that owns everything, open to all, with the chain's rows."""
    return shop.fill(Site())


@pytest.fixture
def bare() -> Site:
    """One store with a clock, and one product."""
    return shop.bare(Site())


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Starts a site and gives a client of it."""
    clients: list[TestClient] = []  # type: ignore[type-arg]

    async def start(site: Site) -> TestClient:  # type: ignore[type-arg]
        client = TestClient(TestServer(site.application()))
        await client.start_server()
        clients.append(client)
        return client

    yield start
    for client in clients:
        await client.close()


@pytest.fixture
def guarded(site: Site, tmp_path: Path) -> Site:
    """The same with a tokens file: `everyone`, `bonn` (one store), `operator`, `nobody` (no role)."""
    site.tokens_file = write_tokens(
        tmp_path / "tokens.json",
        everyone=(["viewer"], ["*"]),
        bonn=(["viewer"], ["0042"]),
        two=(["viewer"], ["0043", "0081"]),
        operator=(["operator"], ["*"]),
        bonn_operator=(["operator"], ["0042"]),
        nobody=([], ["*"]),
    )
    return site
