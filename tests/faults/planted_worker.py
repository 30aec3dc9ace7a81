"""A worker with a planted bug: `python -m tests.faults.planted_worker BUG worker ...`.

The bug is patched into this process, then the rest of the words is run as `freshmart` would; `toy` in place of `worker`
runs a worker of the engine's tests.
"""

import sys

from freshmart_streams.cli import main as freshmart
from tests.engine.toy_worker import main as toy
from tests.faults.planted import plant

TOY = "toy"


def main() -> None:
    """Plant the bug and run the command."""
    plant(sys.argv.pop(1))
    if sys.argv[1] == TOY:
        sys.argv.pop(1)
        toy()
    else:
        freshmart()


if __name__ == "__main__":
    main()
