"""Log lines on stderr: readable on a terminal, JSON elsewhere. Never a message's body, never personal data."""

import logging
import sys
from typing import Any, TextIO

import orjson
import structlog

_QUIET = ("faust", "mode", "aiohttp", "asyncio")


def configure(*, level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Send all log lines of this process to `stream` (stderr by default)."""
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
    handler = logging.StreamHandler(stream)
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
