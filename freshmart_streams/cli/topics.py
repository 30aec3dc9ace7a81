"""`freshmart topics create|check`: the topics of contracts.md section 2 on the broker."""

from __future__ import annotations

from typing import Annotated

import typer

from freshmart_streams.cli.console import print_json, print_table, say
from freshmart_streams.cli.context import cluster_of, reach, read_settings, topics_of
from freshmart_streams.cli.errors import CommandError, WrongUsageError, plain_errors

app = typer.Typer(no_args_is_help=True, help="Create the application's topics, or check them.")

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command()
def create(json: Json = False) -> None:
    """Create the topics that are missing, with FRESHMART_PARTITIONS partitions; existing ones are left as they are.

    Example: `FRESHMART_BROKER=kafka://localhost:9092 FRESHMART_PARTITIONS=12 freshmart topics create`
    """
    from freshmart_streams.connectors.kafka_admin import PartitionsDifferError, create_topics

    settings = read_settings()
    cluster = cluster_of(settings)
    reach(cluster)
    try:
        with plain_errors():
            created = create_topics(cluster, list(topics_of(settings)), settings.partitions)
    except PartitionsDifferError as error:
        raise WrongUsageError(str(error)) from error
    if json:
        print_json({"created": created, "partitions": settings.partitions})
    else:
        print_table(["created", "partitions"], [(name, settings.partitions) for name in created], empty="all exist")


@app.command()
def check(json: Json = False) -> None:
    """List everything about the topics that is not as it must be; exit code 1 if there is anything.

    Topics of one group with different numbers of partitions cannot be repaired and end with exit code 2.

    Example: `freshmart topics check --json`
    """
    from dataclasses import asdict

    from freshmart_streams.connectors.kafka_admin import (
        PartitionsDifferError,
        check_partitions,
        differences,
        partition_counts,
    )

    settings = read_settings()
    cluster = cluster_of(settings)
    reach(cluster)
    topics = list(topics_of(settings))
    with plain_errors():
        found = differences(cluster, topics, settings.partitions)
        counts = partition_counts(cluster, topics)
    if json:
        print_json({"differences": [asdict(difference) for difference in found]})
    else:
        rows = [(one.topic, one.what, one.expected, one.found) for one in found]
        print_table(["topic", "what", "expected", "found"], rows, empty=f"all {len(topics)} topics are as they must be")
    try:
        check_partitions(topics, counts, settings.partitions)
    except PartitionsDifferError as error:
        raise WrongUsageError(str(error)) from error
    if cluster.is_embedded:
        say("an embedded broker tells no settings of topics: only their partitions were checked")
    if found:
        raise CommandError(f"{len(found)} differences; `freshmart topics create` creates what is missing")
