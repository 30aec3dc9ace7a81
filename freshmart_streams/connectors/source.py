"""A file to import, plain or gzip, with the place reading has reached for a progress bar."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Final, NamedTuple

LINE_BYTES_MAX: Final = 32 << 20
"""Longer lines are not read into memory; far above the largest message any broker here takes."""

_GZIP_MAGIC: Final = b"\x1f\x8b"
_UTF8_MARK: Final = b"\xef\xbb\xbf"


class InputError(Exception):
    """A file that cannot be imported, whole or at all; the message is one line for a person."""


class Line(NamedTuple):
    """A line with its number, counted from 1 and without its line end; `content` is None for one that is too long."""

    number: int
    content: bytes | None


class Source:
    """An open file; use it as a context manager.

    Raises:
        InputError: on opening or reading, when the file is missing, unreadable or damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file: IO[bytes] = path.open("rb")
        except OSError as error:
            raise InputError(f"{path}: {error.strerror or error}") from error
        try:
            self.size = path.stat().st_size
            is_gzip = self._file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
            self._file.seek(0)
        except OSError as error:  # a folder, a pipe
            self._file.close()
            raise InputError(f"{path}: {error.strerror or error}") from error
        self._text: IO[bytes] = gzip.GzipFile(fileobj=self._file) if is_gzip else self._file  # type: ignore[assignment]

    def __enter__(self) -> Source:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._text.close()
        self._file.close()

    @property
    def position(self) -> int:
        """Bytes of the file as it lies on the disk that have been read; compare with `size`."""
        return self._file.tell()

    def lines(self) -> Iterator[Line]:
        """Yield every line once, without line ends and without a UTF-8 byte order mark."""
        try:
            yield from self._lines()
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{self.path}: damaged or unreadable ({error})") from error

    def _lines(self) -> Iterator[Line]:
        number = 0
        while raw := self._text.readline(LINE_BYTES_MAX + 1):
            number += 1
            if number == 1:
                raw = raw.removeprefix(_UTF8_MARK)
            if len(raw) > LINE_BYTES_MAX and not raw.endswith(b"\n"):
                self._skip_rest_of_line()
                yield Line(number, None)
            else:
                yield Line(number, raw.rstrip(b"\r\n"))

    def _skip_rest_of_line(self) -> None:
        while (rest := self._text.readline(LINE_BYTES_MAX)) and not rest.endswith(b"\n"):
            pass
