"""`freshmart audit verify`: a running system against its log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from freshmart_streams.cli.console import Bars, print_json, print_table, say
from freshmart_streams.cli.context import cluster_of, need_topics, reach, read_settings, topics_of
from freshmart_streams.cli.errors import CommandError, WrongUsageError

if TYPE_CHECKING:
    from freshmart_streams.audit.differences import Difference, PartitionReport, Report
    from freshmart_streams.audit.verify import Progress

app = typer.Typer(no_args_is_help=True, help="Verify what the application keeps and publishes.")

COLUMNS = ("partition", "up to commit", "records", "rows", "messages", "days", "differences")


@app.command()
def verify(
    log: Annotated[bool, typer.Option("--log", help="Compare with what the log leads to.")] = False,
    partition: Annotated[
        list[int] | None, typer.Option(min=0, help="Only this partition; may be given several times.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            exists=True, file_okay=False, help="Data folder of a stopped worker: its rows are compared as well."
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="Show at most so many differences; all are counted.")] = 20,
    other_rules: Annotated[
        bool,
        typer.Option(
            "--other-rules",
            help="Go on where the log was applied under other rules: another version, other settings. What differs "
            "may come from that.",
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Compare tables, published messages, journal and daily figures with what the log leads to.

    An independent oracle applies all inputs again, one by one, in the order of the journal. Its rows must be those of
    the changelog, and its messages the published ones: of each key in order, byte for byte. The days of the stores are
    compared with plain sums of their receipts too.

    Nothing is changed, and the workers need not be stopped: each partition is compared at the last commit that it has
    when its turn comes. Give the settings that the workers have. All rows of one partition are held in memory, twice.

    Exit code 0: everything is equal. 1: something differs, or could not be compared. 2: wrong usage.

    For example:

    - `freshmart audit verify --log`

    - one partition, and the folder of a stopped worker: `freshmart audit verify --log --partition 3 --data data`
    """
    if not log:
        raise WrongUsageError(
            "audit verify compares with the log so far: add --log. The chain of hashes of the topic audit is not "
            "written by this version"
        )
    settings = read_settings()
    cluster = cluster_of(settings)
    reach(cluster)

    from freshmart_streams.agents import stores_group
    from freshmart_streams.app import rules
    from freshmart_streams.audit.committed import VolumeError
    from freshmart_streams.audit.log import Broker, UnreadableLogError
    from freshmart_streams.audit.verify import NoSuchPartitionError, stores_system
    from freshmart_streams.audit.verify import verify as verify_system

    topics = topics_of(settings)
    group = stores_group(
        topics,
        dedupe_days=settings.dedupe_days,
        day_grace_hours=settings.day_grace_hours,
        rules=rules(settings),
    )
    need_topics(cluster, [*group.inputs, *group.master, topics.journal.name])
    bars = Bars("records")
    try:
        with bars.shown():
            report = verify_system(
                Broker(bootstrap=cluster.bootstrap, is_embedded=cluster.is_embedded, security=cluster.security),
                stores_system(topics, group, settings.dedupe_days),
                partitions=partition,
                data=data,
                limit=limit,
                other_rules=other_rules,
                progress=_progress(bars),
            )
    except NoSuchPartitionError as error:
        raise WrongUsageError(f"--partition: {error}") from error
    except (UnreadableLogError, VolumeError) as error:
        raise CommandError(str(error)) from error
    _print(report, json=json)
    if not report.is_equal:
        raise CommandError(_summary(report))


def _progress(bars: Bars) -> Progress:
    advances: dict[int, Any] = {}

    def progress(partition: int, done: int, total: int) -> None:
        advance = advances.setdefault(partition, bars.bar(f"partition {partition}"))
        advance(done, total)

    return progress


def _print(report: Report, *, json: bool) -> None:
    if json:
        print_json(
            {
                "equal": report.is_equal,
                "differences": report.count,
                "partitions": [_partition(partition) for partition in report.partitions],
                "first_differences": [_difference(difference) for difference in report.differences],
            }
        )
        return
    rows = [
        (one.partition, one.commit, one.records, one.rows, one.outputs, one.days, one.differences)
        for one in report.partitions
    ]
    print_table(COLUMNS, rows, empty="there are no partitions")
    for partition in report.partitions:
        for line in ([f"NOT VERIFIED: {partition.unverified}"] if partition.unverified else []) + partition.notes:
            print(f"partition {partition.partition}: {line}")
    for difference in report.differences:
        print(f"\n{difference}")
    if report.count > len(report.differences):
        print(f"\n… and {report.count - len(report.differences)} more")
    if report.is_equal:
        say("everything is equal")


def _summary(report: Report) -> str:
    unverified = sum(1 for partition in report.partitions if partition.unverified)
    found = [f"{report.count} difference{'s' * (report.count > 1)}"] if report.count else []
    found += [f"{unverified} partition{'s' * (unverified > 1)} could not be verified"] if unverified else []
    return ", ".join(found)


def _partition(partition: PartitionReport) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(partition)


def _difference(difference: Difference) -> dict[str, Any]:
    cause = difference.cause
    return {
        "kind": difference.kind.value,
        "what": difference.what.value,
        "partition": difference.partition,
        "where": difference.where,
        "key": difference.key,
        "expected": difference.expected,
        "found": difference.found,
        "commit": None if cause is None else cause.sequence,
        "record": None if cause is None else cause.record._asdict(),
        "found_in": difference.found_in,
        "journal": [commit._asdict() for commit in difference.commits],
    }
