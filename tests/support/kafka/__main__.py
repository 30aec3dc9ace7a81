"""Start and stop a real Apache Kafka by hand, from the project's folder.

python -m tests.support.kafka start FOLDER   start a broker in FOLDER and print its address
python -m tests.support.kafka stop FOLDER    stop it; its log stays for the next start
python -m tests.support.kafka tool CLASS …   run one of its tools, such as org.apache.kafka.tools.TopicCommand
"""

import argparse
import subprocess
import sys
from pathlib import Path

from tests.support.kafka import Kafka, KafkaError, install, java, missing


def main() -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.support.kafka", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    start = commands.add_parser("start", help="start a broker and print its address")
    start.add_argument("folder", type=Path)
    start.add_argument("--port", type=int, help="for clients (default: as before, else a free one)")
    start.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help="a broker setting")
    stop = commands.add_parser("stop", help="stop it")
    stop.add_argument("folder", type=Path)
    stop.add_argument("--kill", action="store_true", help="with SIGKILL, as a crash would")
    tool = commands.add_parser("tool", help="run one of Kafka's Java programs")
    tool.add_argument("arguments", nargs=argparse.REMAINDER)
    chosen = parser.parse_args()

    if chosen.command == "stop":
        broker = Kafka(chosen.folder)
        broker.kill() if chosen.kill else broker.stop()
        return 0
    if (reason := missing()) is not None:
        print(reason, file=sys.stderr)
        return 2
    if chosen.command == "tool":
        install()
        return subprocess.run(java(*chosen.arguments), check=False).returncode
    options = dict(option.split("=", 1) for option in chosen.option)
    print(Kafka(chosen.folder, port=chosen.port, options=options).start().address)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KafkaError as error:
        sys.exit(str(error))
