"""Shows what the application decides, as it happens, on stdout."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, TypeAlias

from confluent_kafka import OFFSET_BEGINNING, Message, TopicPartition

from freshmart_streams.cli.lines import Lines
from freshmart_streams.connectors.kafka import Cluster, is_event, partitions_of
from freshmart_streams.events.alerts import AlertStatus
from freshmart_streams.events.codec import decode_alert, decode_reorder
from freshmart_streams.events.dead_letters import Invalid

Write: TypeAlias = Callable[[str, str], None]
"""Writes a line in one of rich's styles; the empty style is the normal one."""

_WAIT_S: Final = 0.2


def show(cluster: Cluster, lines: Lines, *, stop: threading.Event, write: Write) -> None:
    """Write one line for every reorder and alert from the beginning of their topics on, until `stop` is set.

    Raises:
        KafkaFailure: the broker does not answer, or refuses.
    """
    reorders, alerts = cluster.topic("reorders"), cluster.topic("alerts")
    consumer = cluster.consumer()
    consumer.assign(
        [
            TopicPartition(topic, number, OFFSET_BEGINNING)
            for topic in (reorders, alerts)
            for number in partitions_of(cluster, topic)
        ]
    )
    try:
        while not stop.is_set():
            for message in consumer.consume(100, _WAIT_S):
                if is_event(message):
                    _show(message, message.topic() == reorders, lines, write)
    finally:
        consumer.close()


def _show(message: Message, is_reorder: bool, lines: Lines, write: Write) -> None:
    try:
        if is_reorder:
            order = decode_reorder(message.value())
            write(lines.reorder(order), "" if order.quantity else "dim")
        else:
            alert = decode_alert(message.value())
            write(lines.alert(alert), "yellow" if alert.status is AlertStatus.OPEN else "dim")
    except Invalid as error:
        write(f"({error})", "red")
