"""Log lines on stderr: readable on a terminal, JSON elsewhere. Never a message's body, never personal data.

A storm of failures must not fill the disk: of lines that begin alike only the first few of each minute are written,
then one line that says how many more there were.
"""

import logging
import sys
import threading
from collections import Counter
from typing import Any, TextIO

import orjson
import structlog

_QUIET = ("faust", "mode", "aiohttp", "asyncio")

LINES_PER_WINDOW = 20
WINDOW_SECONDS = 60.0
ALIKE_CHARACTERS = 40
"""Lines are alike when logger, level and so much of the template agree: some libraries put values into theirs."""


Kind = tuple[str, int, str]


class LimitedHandler(logging.StreamHandler[TextIO]):
    """Writes log lines, but of those that are alike only the first few of each window.

    Args:
        stream: where they go.
        lines: how many of a kind a window may hold.
        seconds: how long a window is.
    """

    def __init__(self, stream: TextIO, *, lines: int = LINES_PER_WINDOW, seconds: float = WINDOW_SECONDS) -> None:
        super().__init__(stream)
        self._lines = lines
        self._seconds = seconds
        self._began = 0.0
        self._counts: Counter[Kind] = Counter()
        self._first: dict[Kind, str] = {}
        self._timer: threading.Timer | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, or count it."""
        if record.created - self._began > self._seconds:
            self._end_window()
            self._began = record.created
        kind = record.name, record.levelno, str(record.msg)[:ALIKE_CHARACTERS]
        self._counts[kind] += 1
        if self._counts[kind] == 1:
            self._first[kind] = record.getMessage().partition("\n")[0]
        if self._counts[kind] <= self._lines:
            super().emit(record)
        elif self._timer is None:  # so that it is told even if no other line comes
            self._timer = threading.Timer(self._seconds, self._tell)
            self._timer.daemon = True
            self._timer.start()

    def close(self) -> None:
        """Tell what was left out, and end."""
        self._tell()
        super().close()

    def _tell(self) -> None:
        self.acquire()
        try:
            self._end_window()
        finally:
            self.release()

    def _end_window(self) -> None:
        for (name, level, _), first, count in zip(
            self._counts, self._first.values(), self._counts.values(), strict=True
        ):
            if count > self._lines:
                text = "%s more lines like this one were left out: %s"
                super().emit(logging.LogRecord(name, level, "", 0, text, (count - self._lines, first), None))
        self._counts.clear()
        self._first.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def configure(*, level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Send the log lines of this process to `stream` (stderr by default), storms of them shortened."""
    stream = stream or sys.stderr
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    if stream.isatty():
        renderer: structlog.typing.Processor = structlog.dev.ConsoleRenderer(colors=True)
        shared = [processor for processor in shared if processor is not structlog.processors.format_exc_info]
    else:
        renderer = structlog.processors.JSONRenderer(serializer=_json)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler = LimitedHandler(stream)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(level, logging.ERROR))
    # An absent broker is hundreds of lines a second there; the engine says it once every few seconds (engine/watch.py).
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


def _json(event: structlog.typing.EventDict, **options: Any) -> str:
    return orjson.dumps(event, default=options.get("default", str)).decode()
