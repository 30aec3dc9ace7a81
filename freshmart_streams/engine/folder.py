"""The data folder belongs to one application and one process at a time."""

import fcntl
import json
from pathlib import Path
from typing import TextIO

FORMAT = 1
_NAME = "freshmart-engine.json"


class FolderError(Exception):
    """The data folder cannot be used. The text is one clear line."""


class DataFolder:
    """Claims a folder: nobody else's data, nobody else at work in it.

    Args:
        path: made if it is missing.
        app_id: of the application; the folder of another one is refused.
    """

    def __init__(self, path: Path, app_id: str) -> None:
        self.path = path
        self._app_id = app_id
        self._lock: TextIO | None = None

    def claim(self) -> None:
        """Take the folder for this process, until `release` or the process's end.

        Raises:
            FolderError: it is not writable, in use, of another application or of an unknown format.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            strangers = [entry.name for entry in self.path.iterdir()]
            file = (self.path / _NAME).open("a+", encoding="utf-8")
        except OSError as error:
            raise FolderError(f"the data folder {self.path} cannot be used: {error.strerror}") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.close()
            raise FolderError(f"the data folder {self.path} is in use by another process: give each its own") from error
        self._lock = file
        try:
            self._check(file, strangers)
        except FolderError:
            self.release()
            raise

    def _check(self, file: TextIO, found: list[str]) -> None:
        file.seek(0)
        content = file.read()
        if not content:
            if set(found) - {_NAME}:
                file.close()
                (self.path / _NAME).unlink()
                raise FolderError(
                    f"the data folder {self.path} holds something else ({sorted(found)[0]}): name an empty one"
                )
            file.write(json.dumps({"application": self._app_id, "format": FORMAT}))
            file.flush()
            return
        try:
            label = json.loads(content)
            application, format_ = label["application"], label["format"]
        except (ValueError, KeyError, TypeError) as error:
            raise FolderError(f"the data folder {self.path} has an unreadable label {_NAME}: name another") from error
        if application != self._app_id:
            raise FolderError(
                f"the data folder {self.path} belongs to {application}, not to {self._app_id}: name another"
            )
        if format_ != FORMAT:
            raise FolderError(
                f"the data folder {self.path} has format {format_}, this version writes {FORMAT}: "
                "name another; it is rebuilt from the changelog"
            )

    def release(self) -> None:
        """Give the folder back."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None
