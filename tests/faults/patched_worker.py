"""`freshmart worker` with faults that no deployment has: `python -m tests.faults.patched_worker worker FAULT...`.

The same process, engine and domain as `freshmart worker` with the settings of the environment, but for these faults:

* `slow=SECONDS`: a receipt whose id begins with `slow` takes so long to be booked. When it begins, its id
  is appended to a file beside the data folder (`slow_file`), for whoever wants to hit that moment.
* `broken-sales`: a bad deploy. Booking a receipt whose id ends with `7` raises, after half of it was done.
* `broken-receipts`: a worse one. Booking any receipt raises.
* `broken-days`: publishing a store's day, which is due work, raises.
* `session=SECONDS`: a session timeout below what the settings allow, for harnesses that kill many workers.
"""

import dataclasses
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from freshmart_streams.app import run_worker
from freshmart_streams.domain import due_work, selling, store_days
from freshmart_streams.domain.books import Moment
from freshmart_streams.domain.receipts import Seen
from freshmart_streams.events.receipts import Receipt
from freshmart_streams.settings import Settings

PROGRAM: Final = (sys.executable, "-m", "tests.faults.patched_worker")
SLOW: Final = "slow"
UNLUCKY: Final = "7"
SECRET: Final = "customer c-81f3"
"""What the errors of a bad deploy say; nobody may ever read it."""

ApplySale = Callable[[Moment, Receipt], Seen]


class BadDeployError(Exception):
    """The mistake of a bad deploy."""


def slow_file(data_folder: Path) -> Path:
    """Where a worker with this data folder says which slow receipts it has begun to book."""
    return data_folder.with_suffix(".slow")


def make_slow(seconds: float, begun: Path) -> None:
    """Let receipts whose id begins with `slow` take their time."""
    honest: ApplySale = selling.apply_sale

    def slow(moment: Moment, receipt: Receipt) -> Seen:
        if receipt.receipt_id.startswith(SLOW):
            with begun.open("a") as file:
                file.write(f"{receipt.receipt_id}\n")
            time.sleep(seconds)
        return honest(moment, receipt)

    selling.apply_sale = slow


def break_sales(is_broken: Callable[[Receipt], bool]) -> None:
    """Let booking some receipts raise in the middle: stock was changed, the store's day was not."""
    honest: ApplySale = selling.apply_sale

    def broken(moment: Moment, receipt: Receipt) -> Seen:
        if not is_broken(receipt):
            return honest(moment, receipt)
        kept = store_days.apply_receipt
        store_days.apply_receipt = _raise  # type: ignore[assignment]
        try:
            return honest(moment, receipt)
        finally:
            store_days.apply_receipt = kept

    selling.apply_sale = broken


def break_days() -> None:
    """Let the due work that publishes a store's day raise."""
    due_work._WORK["publish"] = _raise


def _raise(*_: object) -> None:
    raise BadDeployError(SECRET)


def main(faults: list[str]) -> int:
    """Run a worker with these faults; returns its exit code."""
    settings = Settings.from_environment()
    for fault in faults[1:]:  # the first word is the command, as with `freshmart`
        name, _, value = fault.partition("=")
        if name == "slow":
            make_slow(float(value), slow_file(settings.data_dir))
        elif name == "broken-sales":
            break_sales(lambda receipt: receipt.receipt_id.endswith(UNLUCKY))
        elif name == "broken-receipts":
            break_sales(lambda receipt: True)
        elif name == "broken-days":
            break_days()
        elif name == "session":
            settings = dataclasses.replace(settings, session_timeout_s=int(value))
        else:
            raise SystemExit(f"no such fault: {fault}")
    return run_worker(settings)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
