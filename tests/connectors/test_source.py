"""Files are read line by line, plain or gzip, and damage is told in one line."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from freshmart_streams.connectors import source as module
from freshmart_streams.connectors.source import InputError, Source

Write = Callable[..., Path]


def lines(path: Path) -> list[tuple[int, bytes | None]]:
    with Source(path) as source:
        return [(line.number, line.content) for line in source.lines()]


class TestSource:
    @pytest.mark.parametrize("compress", [bytes, gzip.compress])
    def test_numbers_lines_and_takes_their_ends_off(self, file: Write, compress: Callable[[bytes], bytes]) -> None:
        path = file(compress(b"one\r\n\ntwo\nthree"))
        assert lines(path) == [(1, b"one"), (2, b""), (3, b"two"), (4, b"three")]

    def test_takes_a_byte_order_mark_off(self, file: Write) -> None:
        assert lines(file(b"\xef\xbb\xbfone\n\xef\xbb\xbftwo\n")) == [(1, b"one"), (2, b"\xef\xbb\xbftwo")]

    def test_passes_over_a_line_that_is_too_long_without_keeping_it(
        self, file: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "LINE_BYTES_MAX", 10)
        assert lines(file(b"short\n" + b"x" * 35 + b"\n0123456789\n" + b"y" * 11)) == [
            (1, b"short"),
            (2, None),
            (3, b"0123456789"),
            (4, None),
        ]

    def test_tells_how_far_it_has_read(self, file: Write) -> None:
        content = gzip.compress(b"a line\n" * 100_000)
        with Source(file(content)) as source:
            assert source.size == len(content)
            assert sum(1 for _ in source.lines()) == 100_000
            assert source.position == len(content)

    @pytest.mark.parametrize("damage", [lambda data: data[:-20], lambda data: data[:40] + b"\0" * 20 + data[60:]])
    def test_tells_a_damaged_gzip(self, file: Write, damage: Callable[[bytes], bytes]) -> None:
        path = file(damage(gzip.compress(bytes(range(256)) * 50)))
        with pytest.raises(InputError, match="damaged or unreadable"):
            lines(path)

    def test_tells_a_missing_file_and_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="No such file"):
            Source(tmp_path / "missing")
        with pytest.raises(InputError, match="Is a directory"):
            Source(tmp_path)
