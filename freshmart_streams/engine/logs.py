"""What other people's code logs, and at which level it concerns an operator here."""

import asyncio
import logging
from typing import Any

from aiokafka.errors import KafkaError

SERVICE_LOG = logging.getLogger("mode.engine")
"""The logger of Faust's services: their starting and stopping is Faust's story, not the engine's."""

log = logging.getLogger(__name__)


def expect_lost_answers(loop: asyncio.AbstractEventLoop) -> None:
    """Log answers of the broker that nobody waits for any more at level debug instead of error.

    A commit that fails ends with its first error. What aiokafka still had under way for it (other batches, the
    transaction) fails too, in futures that nobody awaits, and asyncio would print each with a traceback.
    """

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(context.get("future"), asyncio.Future) and isinstance(error, KafkaError):
            log.debug("an answer that nobody waits for any more: %r", error)
        else:
            loop.default_exception_handler(context)

    loop.set_exception_handler(handle)
