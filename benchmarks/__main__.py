"""`python -m benchmarks WHAT`: throughput beside others, latency, recovery, growth, a day; on a real Apache Kafka."""

import argparse
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import day, growth, latency, recovery, throughput
from benchmarks.broker import Broker
from benchmarks.workload import Chain
from tests.support.kafka import Kafka

WHAT = {"throughput": throughput, "latency": latency, "recovery": recovery, "growth": growth, "day": day}


def main(words: Sequence[str] | None = None) -> int:
    """Run a benchmark; exit 0 when every result was right."""
    given = list(sys.argv[1:] if words is None else words)
    if not given or (given[0].startswith("-") and given[0] not in {"-h", "--help"}):
        given.insert(0, "throughput")
    asked = _parser().parse_args(given)
    # As Ctrl-C does: or workers and broker of a benchmark that is told to end would go on, and disturb the next one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    chain = Chain(asked.receipts, asked.stores, asked.articles, asked.seed)
    with tempfile.TemporaryDirectory(prefix="freshmart-benchmark-") as name:
        folder = Path(name)
        with Kafka(folder / "kafka", options={"log.cleaner.enable": "false"}) as kafka:
            print(WHAT[asked.what].measure(Broker(kafka.address), folder, chain, asked))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    kinds = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    for name, kind in WHAT.items():
        first_line = (kind.__doc__ or "").splitlines()[0].replace("%", "%%")  # argparse fills in what % asks for
        own = kinds.add_parser(name, description=kind.__doc__, help=first_line)
        own.add_argument("--receipts", type=int, default=200_000, help="messages of ten lines each (%(default)s)")
        own.add_argument("--stores", type=int, default=200, help="stores (%(default)s)")
        own.add_argument("--articles", type=int, default=20_000, help="articles (%(default)s)")
        own.add_argument("--seed", type=int, default=7, help="of the receipts (%(default)s)")
        kind.add_arguments(own)
    return parser


if __name__ == "__main__":
    sys.exit(main())
