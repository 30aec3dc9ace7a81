"""The network between workers and broker: one TCP link per worker that can be cut, healed and slowed down.

What a cut link was given it keeps, and delivers when it is healed, as TCP does after a partition. So a request that the
broker gets late comes from a worker that was given up long ago: the case that fencing is for.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Sequence
from types import TracebackType
from typing import Any, Self

CHUNK = 1 << 18
ANSWER_SECONDS = 10


class Link:
    """One way to the broker; `port` is where its clients connect, from `Network.__enter__` on."""

    def __init__(self) -> None:
        self.port = 0
        self.target = 0
        """The broker's port."""
        self.delay = 0.0
        """Seconds that each chunk waits, in either direction."""
        self.flowing = asyncio.Event()
        self.flowing.set()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def listen(self) -> asyncio.Server:
        """Accept connections."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        return server

    def close(self) -> None:
        """End all connections."""
        for task in self._tasks:
            task.cancel()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with contextlib.closing(writer), contextlib.suppress(OSError, asyncio.CancelledError):
            await self.flowing.wait()
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
            with contextlib.closing(far_writer):
                both = [
                    asyncio.create_task(self._pump(reader, far_writer)),
                    asyncio.create_task(self._pump(far_reader, writer)),
                ]
                try:
                    await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for pump in both:
                        pump.cancel()

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await source.read(CHUNK):
                if self.delay:
                    await asyncio.sleep(self.delay)
                await self.flowing.wait()
                target.write(chunk)
                await target.drain()


class Network:
    """So many links, served by a thread of their own.

    Args:
        ports: of the links; one for each.
    """

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = list(ports)
        self.links: list[Link] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="network", daemon=True)
        self._servers: list[asyncio.Server] = []

    def cut(self, number: int) -> None:
        """Hold back everything that goes through a link."""
        self._call(self.links[number].flowing.clear)

    def heal(self, number: int) -> None:
        """Let a link flow again, as fast as it can."""

        def heal() -> None:
            self.links[number].delay = 0.0
            self.links[number].flowing.set()

        self._call(heal)

    def slow(self, number: int, seconds: float) -> None:
        """Delay each chunk."""

        def slow() -> None:
            self.links[number].delay = seconds

        self._call(slow)

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(ANSWER_SECONDS)
        self._loop.close()

    async def _start(self) -> None:
        for port in self._ports:
            link = Link()
            link.port = port
            self._servers.append(await link.listen())
            self.links.append(link)

    async def _stop(self) -> None:
        for server in self._servers:
            server.close()
        for link in self.links:
            link.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=ANSWER_SECONDS)

    def _call(self, what: Callable[[], None]) -> None:
        async def call() -> None:
            what()

        self._run(call())

    def _run(self, what: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(ANSWER_SECONDS)
