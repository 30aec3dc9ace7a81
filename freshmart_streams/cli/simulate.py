"""`freshmart simulate`: simulated stores and their supplier on the broker of the settings."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from freshmart_streams.cli.console import print_json, print_table, say
from freshmart_streams.cli.context import cluster_of, need_topics, reach, read_settings, topics_of
from freshmart_streams.cli.errors import CommandError, plain_errors

if TYPE_CHECKING:
    from datetime import date

    from freshmart_streams.connectors.kafka import Cluster
    from freshmart_streams.simulation.world import Plan, World


def command(
    stores: Annotated[int, typer.Option(min=1, max=10_000, help="How many stores.")] = 3,
    products: Annotated[int, typer.Option(min=1, max=50_000, help="How many articles each store sells.")] = 40,
    days: Annotated[
        int | None, typer.Option(min=1, help="End after so many days of simulated time; default: not at all.")
    ] = None,
    speed: Annotated[
        float, typer.Option(min=0, help="Simulated seconds per second (3600: an hour a second); 0: without waiting.")
    ] = 3600,
    seed: Annotated[int, typer.Option(help="Another seed is another simulation; the same repeats it.")] = 1,
    start: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="The first day; default: the day after the newest event, else a Monday half a year ago.",
        ),
    ] = None,
    history: Annotated[
        int, typer.Option(min=0, help="Days at a new start that are sent without waiting, ordered by hand.")
    ] = 14,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Play simulated stores: receipts, counts, waste, and a supplier that answers the reorders it reads.

    Simulated time lies in the past and runs fast; it never passes the present. So the workers need
    FRESHMART_CLOCK=events: with a live clock everything would be too late. Start them first, or the stores' last rows
    of master data hold from the beginning and the history is ordered for too.

    Where there are events already it goes on: with the day after the newest, everything counted anew, and what the
    supplier owes from before. Give the same stores, products and seed again then.

    For example:

    - `FRESHMART_BROKER=kafka://localhost:9092 freshmart simulate`

    - as much as possible: `freshmart simulate --stores 50 --products 2000 --days 7 --speed 0`
    """
    settings = read_settings()
    cluster = cluster_of(settings)

    import threading

    from freshmart_streams.cli.player import Player
    from freshmart_streams.connectors.newest import newest_tick
    from freshmart_streams.simulation.world import Plan, World

    topics = topics_of(settings)
    reach(cluster)
    names = (topics.stores, topics.products, topics.sales, topics.inventory, topics.reorders)
    need_topics(cluster, [topic.name for topic in names])
    first_day = half_a_year_ago() if start is None else start.date()
    wanted = Plan(start=first_day, stores=stores, products=products, seed=seed, manual_days=history)
    with plain_errors():
        plan = wanted if start is not None else _going_on(cluster, wanted)
        world = World(plan)
        until = None if days is None else _after(world, days)
        if newest_tick(cluster) is not None and _is_too_old(plan.start, settings.dedupe_days):
            raise CommandError(
                "the application's clock is live: simulated events of the past would all be too late; "
                "run its workers with FRESHMART_CLOCK=events"
            )
        player = Player(world, cluster, speed=speed, stop=threading.Event(), say=say)
        if plan.follows is not None:
            say(f"events are there up to {plan.follows:%Y-%m-%d %H:%M}: going on with {plan.start}")
        history_sent = None if plan.follows else lambda: say(f"history sent, up to {world.now:%Y-%m-%d %H:%M} UTC")
        played = player.run(until, on_history=history_sent)
    figures = {**vars(played), "simulated_until": world.now.isoformat()}
    if json:
        print_json(figures)
    else:
        print_table(["", ""], [(name.replace("_", " "), value) for name, value in figures.items()], empty="")


def _going_on(cluster: Cluster, plan: Plan) -> Plan:
    """Return the plan of a world that goes on from what is in the log; `plan` itself where all of that is older."""
    import dataclasses
    from datetime import timedelta

    from freshmart_streams.connectors.newest import newest_event

    newest = newest_event(cluster)
    if newest is None or newest.date() < plan.start:
        return plan
    return dataclasses.replace(plan, start=newest.date() + timedelta(days=1), manual_days=0, follows=newest)


def half_a_year_ago() -> date:
    """Return the Monday 26 weeks before this week's."""
    from datetime import UTC, timedelta

    from freshmart_streams.engine.clock import now_ms

    today = datetime.fromtimestamp(now_ms() / 1000, UTC).date()
    return today - timedelta(weeks=26, days=today.weekday())


def _after(world: World, days: int) -> datetime:
    from datetime import timedelta

    return world.now + timedelta(days=days)


def _is_too_old(first_day: date, dedupe_days: int) -> bool:
    from datetime import UTC, timedelta

    from freshmart_streams.engine.clock import now_ms

    today = datetime.fromtimestamp(now_ms() / 1000, UTC).date()
    return first_day < today - timedelta(days=dedupe_days)
