"""What a run stands on: a broker, and a way to it for each worker. Runs can stand on one after the other."""

import contextlib
import itertools
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.faults.proxy import Network
from tests.support.kafka import Kafka, free_port

BROKER_OPTIONS = {
    "num.network.threads": "1",  # for each listener
    "num.io.threads": "4",
}


class Ground:
    """A broker, and a network link to it for each of so many workers.

    Args:
        folder: of the broker.
        links: how many.
    """

    def __init__(self, folder: Path, links: int) -> None:
        self.network = Network([free_port() for _ in range(links)])
        self._folder = folder
        self._numbers = itertools.count(1)
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.network)
            detours = {f"W{number}": link.port for number, link in enumerate(self.network.links)}
            self.broker = Kafka(self._folder, options=BROKER_OPTIONS, detours=detours)
            for number, link in enumerate(self.network.links):
                link.target = self.broker.behind[f"W{number}"]
            stack.enter_context(self.broker)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def new_prefix(self) -> str:
        """For the topics and ids of one more run."""
        return f"faults{next(self._numbers)}."
