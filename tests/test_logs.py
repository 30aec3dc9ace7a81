"""Log lines: a storm of lines that are alike is shortened, and what was left out is told."""

import io
import json
import logging
import threading
from collections.abc import Iterator

import pytest

from freshmart_streams import logs
from freshmart_streams.logs import LimitedHandler
from tests.support.waiting import wait_until

HOUR = 3_600.0


class Storm:
    """A logger of its own, and what it wrote."""

    def __init__(self, *, lines: int, seconds: float) -> None:
        self.stream = io.StringIO()
        self.handler = LimitedHandler(self.stream, lines=lines, seconds=seconds)
        self.logger = logging.Logger(f"storm {id(self)}")
        self.logger.addHandler(self.handler)

    @property
    def lines(self) -> list[str]:
        """What was written."""
        return self.stream.getvalue().splitlines()


@pytest.fixture
def restored_root() -> Iterator[None]:
    """The root logger as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)


def test_of_lines_that_are_alike_the_first_few_are_written_and_the_others_counted() -> None:
    storm = Storm(lines=3, seconds=HOUR)
    for number in range(1_000):
        storm.logger.warning("letter %s cannot be read", number)
    assert storm.lines == [f"letter {number} cannot be read" for number in range(3)]
    storm.handler.close()
    assert storm.lines[3:] == ["997 more lines like this one were left out: letter 0 cannot be read"]


def test_lines_of_other_templates_and_levels_are_not_alike() -> None:
    storm = Storm(lines=1, seconds=HOUR)
    for _ in range(2):
        storm.logger.warning("the broker is away")
        storm.logger.error("the broker is away")
        storm.logger.warning("the disk is full")
    assert storm.lines == ["the broker is away", "the broker is away", "the disk is full"]


def test_values_that_a_library_puts_into_its_template_do_not_make_a_line_new() -> None:
    storm = Storm(lines=1, seconds=HOUR)
    for number in range(50):
        storm.logger.error(f"Task exception was never retrieved\nfuture: <Task {number}>")
    storm.handler.close()
    assert storm.lines == [
        "Task exception was never retrieved",
        "future: <Task 0>",
        "49 more lines like this one were left out: Task exception was never retrieved",
    ]


def test_a_few_lines_are_told_as_they_are() -> None:
    storm = Storm(lines=3, seconds=HOUR)
    for number in range(3):
        storm.logger.info("opened %s", number)
    storm.handler.close()
    assert storm.lines == ["opened 0", "opened 1", "opened 2"]


def test_the_next_window_begins_with_lines_again() -> None:
    storm = Storm(lines=1, seconds=HOUR)
    for at in (1.0, 2.0, 3.0, 2 * HOUR, 2 * HOUR + 1):
        record = logging.LogRecord("storm", logging.INFO, "", 0, "at %s", (at,), None)
        record.created = at + HOUR
        storm.handler.handle(record)
    assert storm.lines == ["at 1.0", "2 more lines like this one were left out: at 1.0", f"at {2 * HOUR}"]
    storm.handler.close()


def test_what_was_left_out_is_told_although_nothing_else_is_logged() -> None:
    storm = Storm(lines=1, seconds=0.2)
    for _ in range(3):
        storm.logger.info("again")
    wait_until(lambda: any("left out" in line for line in storm.lines))


def test_many_threads_lose_no_count() -> None:
    storm = Storm(lines=5, seconds=HOUR)

    def shout() -> None:
        for _ in range(500):
            storm.logger.info("again")

    threads = [threading.Thread(target=shout) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    storm.handler.close()
    assert storm.lines[5:] == ["1995 more lines like this one were left out: again"]


@pytest.mark.usefixtures("restored_root")
def test_a_process_writes_shortened_storms_as_json() -> None:
    stream = io.StringIO()
    logs.configure(stream=stream)
    for number in range(logs.LINES_PER_WINDOW + 7):
        logging.getLogger("freshmart_streams.engine.folding").error("stores/%s: a handler raised", number)
    logging.getLogger().handlers[0].close()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert len(lines) == logs.LINES_PER_WINDOW + 1
    assert lines[-1]["event"] == "7 more lines like this one were left out: stores/0: a handler raised"
    assert (lines[-1]["level"], lines[-1]["logger"]) == ("error", "freshmart_streams.engine.folding")
