"""From files to topics: look through them once, register the stores they name, then send everything.

The order is: missing stores, master data, receipts and movements. Several files are merged by event time, so that a
store's clock runs once through all of them, and where receipts and movements are sent together, all of a stretch of
six hours is acknowledged before the next is sent: the broker's timestamps then tell the application the same order.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from freshmart_streams.connectors import formats, kafka
from freshmart_streams.connectors.items import Item, Reader, Report, ZoneOf
from freshmart_streams.connectors.kafka import Cluster, Sender, Trouble
from freshmart_streams.connectors.newest import newest_tick
from freshmart_streams.connectors.source import InputError, Source
from freshmart_streams.domain import identifiers, times
from freshmart_streams.domain.times import Instant
from freshmart_streams.events.master_data import Store

MASTER_TOPICS: Final = ("stores", "products")
EVENT_TOPICS: Final = ("sales", "inventory")

Progress = Callable[[int, int], None]
"""Told how many bytes of how many have been read."""

_STRETCH: Final = 6 * times.HOUR
_TELL_EVERY: Final = 500
_STORES_SHOWN: Final = 3


class TooOldError(Exception):
    """Nothing of the files would count any more; the message is one line for a person."""


@dataclass
class Survey:
    """What the files hold, as found by reading them once without sending anything."""

    topics_of: dict[Path, Counter[str]] = field(default_factory=dict)
    stores: set[str] = field(default_factory=set)
    """Stores that receipts and movements name."""
    zones: dict[str, str] = field(default_factory=dict)
    """Time zones by store, of the stores that have a row of their own in the files."""
    newest: Instant | None = None

    @property
    def topics(self) -> Counter[str]:
        """Messages by topic, over all files."""
        return sum(self.topics_of.values(), Counter())


@dataclass
class Summary:
    """What was done."""

    receipts: int = 0
    movements: int = 0
    lines: int = 0
    products: int = 0
    stores: int = 0
    stores_registered: int = 0
    skipped: int = 0
    """Lines that were no message; each was reported."""
    acknowledged: int = 0
    refused: int = 0
    """Messages that the broker did not take."""


@dataclass(kw_only=True)
class Loading:
    """One import of some files; `run` does it."""

    cluster: Cluster
    paths: list[Path]
    timezone: str | None
    """For stores that nobody has registered."""
    dedupe_days: int
    report: Report
    on_trouble: Trouble
    on_survey: Progress
    on_send: Progress

    def run(self) -> Summary:
        """Import the files and wait until everything is acknowledged.

        Raises:
            InputError: a file cannot be read, a time zone is missing or none.
            TooOldError: the newest event is behind the deduplication horizon of a running application.
            kafka.KafkaFailure: the broker does not answer, or ended the connection.
        """
        readers = {path: formats.reader_of(path) for path in self.paths}
        registered = registered_zones(self.cluster)
        survey = self._survey(readers, registered)
        missing = self._missing_stores(survey, registered)
        self._check_age(survey)
        zones = {**registered, **survey.zones, **dict.fromkeys(missing, self.timezone or "UTC")}
        sender = Sender(self.cluster, on_trouble=self.on_trouble)
        summary = Summary(stores_registered=len(missing))
        for store_id in missing:
            row = Store(store_id=store_id, timezone=zones[store_id])
            self._send(sender, "stores", store_id, msgspec.json.encode(row), "")
        sender.flush()
        self._send_files(readers, survey, zones, sender, summary)
        summary.acknowledged, summary.refused = sender.acknowledged, sender.refused
        for reason in sender.reasons:
            self.report("refused by the broker", reason)
        return summary

    def _survey(self, readers: dict[Path, Reader], registered: dict[str, str]) -> Survey:
        survey = Survey()

        def zone_of(store_id: str) -> ZoneInfo:
            name = registered.get(store_id) or survey.zones.get(store_id) or self.timezone or "UTC"
            return _zone(name)

        done, total = 0, sum(_size(path) for path in readers)
        for path, reader in readers.items():
            counts = survey.topics_of[path] = Counter[str]()
            with Source(path) as source:
                for number, item in enumerate(reader(source, zone_of, _silent)):
                    if number % _TELL_EVERY == 0:
                        self.on_survey(done + source.position, total)
                    counts[item.topic] += 1
                    _take_note(survey, item)
                done += source.size
        self.on_survey(total, total)
        return survey

    def _missing_stores(self, survey: Survey, registered: dict[str, str]) -> list[str]:
        named = {store_id for store_id in survey.stores if identifiers.is_id(store_id)}
        missing = sorted(named - registered.keys() - survey.zones.keys())
        if self.timezone is not None:
            try:
                times.zone(self.timezone)
            except times.UnknownZoneError as error:
                raise InputError(f"--timezone: {error}; an example is Europe/Berlin") from error
        elif missing:
            shown = ", ".join(missing[:_STORES_SHOWN]) + (", …" if len(missing) > _STORES_SHOWN else "")
            raise InputError(
                f"{len(missing)} stores in the files are not registered ({shown}): "
                "say their time zone, for example --timezone Europe/Berlin"
            )
        return missing

    def _check_age(self, survey: Survey) -> None:
        now = newest_tick(self.cluster)
        if now is None or survey.newest is None or survey.newest >= now - self.dedupe_days * times.DAY:
            return
        newest = times.to_datetime(survey.newest, "UTC")
        raise TooOldError(
            f"the newest event ({newest:%Y-%m-%d %H:%M} UTC) is more than {self.dedupe_days} days old and the "
            "application's clock is live: all would be too late; a first load of history needs FRESHMART_CLOCK=events"
        )

    def _send_files(
        self, readers: dict[Path, Reader], survey: Survey, zones: dict[str, str], sender: Sender, summary: Summary
    ) -> None:
        stages = {
            topics: [path for path in readers if any(survey.topics_of[path][topic] for topic in topics)]
            for topics in (MASTER_TOPICS, EVENT_TOPICS)
        }
        # A file of which nothing can be sent is read once more all the same, for its reports.
        stages[EVENT_TOPICS] += [path for path in readers if not survey.topics_of[path]]
        done, total = 0, sum(_size(path) for paths in stages.values() for path in paths)
        reported: set[Path] = set()
        in_stretches = all(survey.topics[topic] for topic in EVENT_TOPICS)
        for topics, paths in stages.items():
            with ExitStack() as stack:
                sources = [stack.enter_context(Source(path)) for path in paths]
                streams = [
                    readers[source.path](
                        source, _zone_of(zones), _silent if source.path in reported else self._skip(summary)
                    )
                    for source in sources
                ]
                stretch = 0
                for number, item in enumerate(_merged(streams)):
                    if number % _TELL_EVERY == 0:
                        self.on_send(done + sum(source.position for source in sources), total)
                    if item.topic not in topics:
                        continue
                    if in_stretches and item.at is not None and item.at // _STRETCH > stretch:
                        sender.flush()
                        stretch = item.at // _STRETCH
                    self._send(sender, item.topic, item.key, item.value, item.place)
                    _count(summary, item)
            sender.flush()
            done += sum(_size(path) for path in paths)
            reported.update(paths)
        self.on_send(total, total)

    def _send(self, sender: Sender, topic: str, key: str, value: bytes, place: str) -> None:
        sender.send(self.cluster.topic(topic), key=key.encode("utf-8", "replace"), value=value, place=place)

    def _skip(self, summary: Summary) -> Report:
        def report(place: str, reason: str) -> None:
            summary.skipped += 1
            self.report(place, reason)

        return report


def registered_zones(cluster: Cluster) -> dict[str, str]:
    """Read the time zones of the stores that are registered now; a store without a row is not in it."""
    zones: dict[str, str] = {}
    decoder = msgspec.json.Decoder(Store)
    for message in kafka.read_to_end(cluster, cluster.topic("stores")):
        key, value = message.key(), message.value()
        if key is None:
            continue
        try:
            store_id = key.decode()
            if value is None:
                zones.pop(store_id, None)
            else:
                zones[store_id] = decoder.decode(value).timezone
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue  # a dead letter: it registers nothing
    return zones


def _take_note(survey: Survey, item: Item) -> None:
    if item.topic == "stores" and item.store_id is not None:
        survey.zones[item.store_id] = item.zone or "UTC"
    elif item.store_id is not None:
        survey.stores.add(item.store_id)
    if item.at is not None and (survey.newest is None or item.at > survey.newest):
        survey.newest = item.at


def _count(summary: Summary, item: Item) -> None:
    if item.topic == "sales":
        summary.receipts += 1
        summary.lines += item.lines
    elif item.topic == "inventory":
        summary.movements += 1
        summary.lines += item.lines
    elif item.topic == "products":
        summary.products += 1
    else:
        summary.stores += 1


def _merged(streams: list[Iterator[Item]]) -> Iterator[Item]:
    """Merge streams by event time; one alone keeps its order, whatever its times."""
    if len(streams) == 1:
        return streams[0]
    return heapq.merge(*streams, key=lambda item: item.at or 0)


def _size(path: Path) -> int:
    with Source(path) as source:
        return source.size


def _zone(name: str) -> ZoneInfo:
    try:
        return times.zone(name)
    except times.UnknownZoneError:
        return times.zone("UTC")


def _zone_of(zones: dict[str, str]) -> ZoneOf:
    return lambda store_id: _zone(zones.get(store_id, "UTC"))


def _silent(place: str, reason: str) -> None:
    """Report nothing: the same lines are read again, and reported, when they are sent."""
