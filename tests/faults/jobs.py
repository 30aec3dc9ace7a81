"""What runs in a process of its own: one schedule in a folder of its own."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.runs import Outcome, run
from tests.faults.schedules import draw


def run_seed(seed: int, faults: int, receipts: int, keep: Path | None) -> Outcome:
    """Draw a schedule and run it; its folder stays only when `keep` says where."""
    with folder_for(keep, f"seed-{seed}") as folder:
        return run(draw(seed, faults=faults, receipts=receipts), folder)


@contextmanager
def folder_for(keep: Path | None, name: str) -> Iterator[Path]:
    """An empty folder: below `keep` to stay, else one that is gone afterwards."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="freshmart-faults-", ignore_cleanup_errors=True) as folder:
            yield Path(folder)
    else:
        shutil.rmtree(keep / name, ignore_errors=True)
        yield keep / name
