"""`freshmart dead-letters list|resend`: what could not be taken in, and sending it again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from freshmart_streams.cli.console import print_json, print_table, say
from freshmart_streams.cli.context import cluster_of, need_topics, reach, read_settings, topics_of
from freshmart_streams.cli.errors import CommandError, WrongUsageError, plain_errors

if TYPE_CHECKING:
    from freshmart_streams.connectors.letters import Letter, Place

app = typer.Typer(no_args_is_help=True, help="Look at dead letters, or send them again.")

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]

_SHOWN_MAX = 10


@app.command("list")
def list_letters(
    limit: Annotated[int, typer.Option(min=1, help="Show at most so many, the newest.")] = 1000,
    json: Json = False,
) -> None:
    """List the dead letters with what is wrong with each, oldest first, without their contents.

    Example: `freshmart dead-letters list --limit 20`
    """
    from freshmart_streams.connectors.letters import read_letters

    settings = read_settings()
    cluster = cluster_of(settings)
    reach(cluster)
    need_topics(cluster, [topics_of(settings).dead_letters.name])
    with plain_errors():
        rows = [_row(letter) for letter in read_letters(cluster, limit=limit)]
    if json:
        print_json({"items": rows})
    else:
        columns = ["time", "letter", "from", "code", "message", "sent again"]
        print_table(
            columns,
            [
                (row["at"], row["letter"], row["from"], row["code"], row["message"], "yes" if row["resent"] else "")
                for row in rows
            ],
            empty="no dead letters",
        )


@app.command()
def resend(
    letters: Annotated[
        list[str] | None, typer.Argument(metavar="[PARTITION:OFFSET]...", help="Which ones, as `list` shows them.")
    ] = None,
    json: Json = False,
) -> None:
    """Send dead letters again to where they came from, without arguments all that were not sent again yet.

    Key, value and headers are the original's; the partition is the one its key belongs to. What is still wrong becomes
    a new dead letter. Sending one twice changes nothing: every event counts once. A row of master data is left out when
    a newer one of its key was taken in, unless you name it. What retention took away cannot be sent any more.

    For example:

    - after registering a store that was unknown: `freshmart dead-letters resend`

    - only two: `freshmart dead-letters resend 0:17 3:4`
    """
    from freshmart_streams.connectors import letters as connector
    from freshmart_streams.connectors.kafka import Sender

    wanted = frozenset(_place(text) for text in letters or [])
    settings = read_settings()
    cluster = cluster_of(settings)
    reach(cluster)
    topics = topics_of(settings)
    need_topics(cluster, [topics.dead_letters.name])
    with plain_errors():
        outcome = connector.resend(cluster, Sender(cluster, on_trouble=say), topics, wanted)
    if json:
        print_json(
            {
                "sent": outcome.sent,
                "superseded": outcome.superseded,
                "unsendable": len(outcome.unsendable),
                "missing": len(outcome.missing),
            }
        )
    else:
        print(f"{outcome.sent} dead letters sent again")
    if outcome.superseded:
        say(f"{outcome.superseded} rows of master data left out: newer ones of their keys are in force")
    for place, reason in outcome.unsendable[:_SHOWN_MAX]:
        say(f"{_text(place)}: {reason}")
    for reason in outcome.refused:
        say(f"refused by the broker: {reason}")
    if outcome.refused:
        raise CommandError("not all were sent; the same ones will be tried again")
    if outcome.missing:
        raise CommandError("no such letter: " + ", ".join(map(_text, outcome.missing[:_SHOWN_MAX])))
    if outcome.unsendable:
        raise CommandError(f"{len(outcome.unsendable)} letters could not be sent")


def _place(text: str) -> Place:
    from freshmart_streams.connectors.letters import Place

    partition, colon, offset = text.partition(":")
    if not (colon and partition.isdecimal() and offset.isdecimal()):
        raise WrongUsageError(f"{text!r} is not PARTITION:OFFSET, as `freshmart dead-letters list` shows them")
    return Place(int(partition), int(offset))


def _text(place: Place) -> str:
    return f"{place.partition}:{place.offset}"


def _row(letter: Letter) -> dict[str, Any]:
    failure = letter.failure
    return {
        "at": datetime.fromtimestamp(letter.at_ms / 1000, UTC).isoformat(timespec="seconds"),
        "letter": _text(letter.place),
        "from": "" if failure is None else f"{failure.topic} {failure.partition}:{failure.offset}",
        "code": "" if failure is None else failure.code,
        "message": "its headers do not say" if failure is None else failure.message,
        "resent": letter.was_resent,
    }
