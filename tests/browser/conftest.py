"""A real browser on the real handlers; the rows are a test's own."""

import asyncio
import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from playwright.sync_api import Browser, Page, Request, sync_playwright

from tests.web import shop
from tests.web.fakes import Site

# Without these Chromium looks up its maker's hosts at every start, which a closed network refuses many at a time.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SECONDS = 1_000  # what Playwright counts in
PATIENCE = 10 * SECONDS
ROUNDS_OF_AN_ACCEPT = 5  # of an event loop: the task that makes the transport, then its callbacks


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses the browser."""
    for item in items:
        if "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="module")  # no longer: while Playwright runs, no other test can have an event loop
def chromium() -> Iterator[Browser]:
    """The machine's Chromium; a test needs none that Playwright brings."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        reason = "no Chromium on this machine (Debian: apt-get install chromium)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


class Served:
    """A site that a thread serves; stopping and starting it keeps the port."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._runner: web.AppRunner | None = None
        self._listening: socket.socket | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Serve, from now on or again."""
        self.call(self._start())

    def stop(self) -> None:
        """Refuse connections until `start`."""
        self.call(self._stop())

    def change(self, what: Callable[[], Any]) -> None:
        """Change rows in the thread that reads them."""

        async def changed() -> None:
            what()

        self.call(changed())

    def call(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)

    def close(self) -> None:
        self.call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    async def _start(self) -> None:
        self._runner = web.AppRunner(self.site.application(), access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        self._listening = socket.create_server(("127.0.0.1", self.port))
        await web.SockSite(self._runner, self._listening).start()
        self.port = self._listening.getsockname()[1]

    async def _stop(self) -> None:
        if self._runner is None or self._listening is None:
            return
        # A connection that the browser opens at this very moment (it opens some ahead): asyncio never closes one that
        # it has accepted but not yet given to a server that closes. So accept no more, and let those come in first.
        self._loop.remove_reader(self._listening)
        for _ in range(ROUNDS_OF_AN_ACCEPT):
            await asyncio.sleep(0)
        await self._runner.cleanup()
        self._runner = None


@pytest.fixture
def serve() -> Iterator[Callable[[Site], Served]]:
    """Serves sites."""
    running: list[Served] = []

    def start(site: Site) -> Served:
        running.append(Served(site))
        return running[-1]

    yield start
    for served in running:
        served.close()


@pytest.fixture
def served(serve: Callable[[Site], Served]) -> Served:
    """The chain, open to all."""
    return serve(shop.fill(Site()))


@dataclass
class Visit:
    """A page, and what a well-behaved one does not do."""

    page: Page
    served: Served
    errors: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def saw(self, request: Request) -> None:
        """The page asked for something."""
        self.requests.append(request)

    def go(self, path: str = "/") -> Page:
        """Open a path and wait for the dashboard's figures."""
        self.page.goto(self.served.url + path)
        self.page.locator("#figures-list .net .value", has_text="€").wait_for(timeout=PATIENCE)
        return self.page


Visitor = Callable[..., Visit]


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Visitor]:
    """Opens browser contexts; at the end no script may have failed and nobody else may have been asked."""
    visits: list[Visit] = []

    def open_page(served: Served, *, expect_refusals: bool = False, **options: Any) -> Visit:
        context = chromium.new_context(**{"locale": "en-GB", "viewport": {"width": 1440, "height": 900}, **options})
        made = Visit(context.new_page(), served)
        page = made.page
        page.set_default_timeout(PATIENCE)
        page.on("request", made.saw)
        page.on("pageerror", lambda error: made.errors.append(str(error)))
        page.on(
            "console",
            lambda message: (
                made.errors.append(message.text)
                if message.type in ("error", "warning")
                and not (expect_refusals and "Failed to load resource" in message.text)
                else None
            ),
        )
        visits.append(made)
        return made

    yield open_page
    for made in visits:
        made.page.context.close()
        assert made.errors == []
        assert {request.url[: len(made.served.url) + 1] for request in made.requests} <= {made.served.url + "/"}


@pytest.fixture
def tokens_file(tmp_path: Path) -> Path:
    """Where a test writes its tokens."""
    return tmp_path / "tokens.json"
