"""`freshmart broker`: the embedded broker alone, for trying out several processes without Kafka."""

from __future__ import annotations

import threading

import typer

from freshmart_streams.cli.console import say


def command() -> None:
    """Run the embedded broker alone and print its address; Ctrl-C ends it, and everything in it is gone.

    Example: `freshmart broker`, and in another terminal with what it printed
    `FRESHMART_BROKER=embedded://127.0.0.1:4711 freshmart worker`
    """
    from freshmart_streams.engine.broker import EmbeddedBroker

    with EmbeddedBroker() as broker:
        typer.echo(f"embedded://{broker.address}")
        say("Ctrl-C ends the broker; everything in it is then gone")
        threading.Event().wait()
