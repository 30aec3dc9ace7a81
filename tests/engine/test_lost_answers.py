"""Futures that aiokafka leaves behind: an error that nobody waits for is no news when it is the broker's."""

import asyncio
import gc
import logging

import pytest
from aiokafka.errors import ProducerFenced

from freshmart_streams.engine.logs import expect_lost_answers


async def leave_behind(error: Exception) -> None:
    expect_lost_answers(asyncio.get_running_loop())
    asyncio.get_running_loop().create_future().set_exception(error)
    gc.collect()
    await asyncio.sleep(0)


def test_an_answer_of_the_broker_that_nobody_waits_for_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        asyncio.run(leave_behind(ProducerFenced()))
    assert [record.levelno for record in caplog.records if "nobody waits" in record.message] == [logging.DEBUG]
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_any_other_error_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        asyncio.run(leave_behind(ValueError("a mistake")))
    assert [record for record in caplog.records if record.levelno >= logging.ERROR]
