"""What must hold after a run, whatever happened in it. Each check yields what differs, one line each; nothing is good.

Two kinds: against the oracle, record by record (`journal`, `tables`, `volume`, `outputs`), and plain sums of the load
that know neither journal nor engine nor domain (`sums`, `stock`, `dead letters`). The oracle finds the record; the sums
find what oracle and application would both do wrong.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from itertools import islice, pairwise
from typing import Any, Final

import msgspec
from confluent_kafka import IsolationLevel, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from freshmart_streams import tables
from freshmart_streams.domain.forecast import sold_on
from freshmart_streams.domain.stock import sold_by_day
from freshmart_streams.engine import Table
from freshmart_streams.events.dead_letters import EXCEPTION, OFFSET, PARTITION, TOPIC, original_headers
from tests.acceptance.site import Place, Site
from tests.faults.evidence import Entry, Evidence, Sent
from tests.faults.load import ARTICLES, COUNTED_ARTICLES, Counts, What
from tests.faults.substance import check_substance
from tests.support.log import PARTITIONS
from tests.support.tables import Tables

SHOWN: Final = 3
"""Differences of one check that are worth reading; the rest is a number."""
SHOWN_CHARACTERS: Final = 400
ANSWER_SECONDS: Final = 20

Check = Callable[[Evidence], Iterator[str]]


def differences(evidence: Evidence) -> list[str]:
    """Everything that is not as it must be, each with the name of its check before it."""
    found = []
    for name, check in CHECKS.items():
        try:
            lines = list(check(evidence))
        except LookupError as error:  # the oracle cannot follow a journal that names what is not there
            lines = [str(error)]
        more = [f"… and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
        found += [f"{name}: {line}" for line in (*lines[:SHOWN], *more)]
    return found


# Against the oracle.


def check_journal(evidence: Evidence) -> Iterator[str]:
    """Commits come in their order, none twice, none left out, and each input was applied once, in order, to its end."""
    for number, entries in enumerate(evidence.journal):
        reached: dict[tuple[str, int], int] = defaultdict(int)
        newest = 0
        for entry in entries:
            if entry.sequence != newest + 1:
                yield f"partition {number}: commit {entry.sequence} after {newest}; {_spans([entry])}"
            newest = max(newest, entry.sequence)
            for topic, *where, following in entry.spans:
                source = (str(topic), int(where[0]) if where else number)
                if int(following) <= reached[source]:
                    yield f"partition {number}: {source} applied again up to {following}; {_spans([entry])}"
                reached[source] = max(reached[source], int(following))
        for (topic, part), records in evidence.records.items():
            is_mine = topic in evidence.group.master or part == number
            end = records[-1].offset + 1 if records else 0
            if is_mine and topic != evidence.topics.ticks.name and reached[topic, part] != end:
                yield f"partition {number}: {topic} {part} is applied up to {reached[topic, part]}, not {end}"


def check_tables(evidence: Evidence) -> Iterator[str]:
    """The changelog's rows are the oracle's."""
    shown = 0
    for number, (rows, fold) in enumerate(zip(evidence.tables, evidence.folds, strict=True)):
        for (table, key), found, expected in _unlike(rows, fold.stored()):
            shown += 1  # looking for the commit folds the log once more
            where = _first_bad_commit(evidence, number, table, key) if shown <= SHOWN else "not shown"
            yield f"partition {number}, {table} {key}: {_row(found)} is not the oracle's {_row(expected)}; {where}"


def check_volume(evidence: Evidence) -> Iterator[str]:
    """The rows on the disk of the worker that ended last are the oracle's."""
    for number, (rows, fold) in enumerate(zip(evidence.volumes, evidence.folds, strict=True)):
        for (table, key), found, expected in _unlike(rows, fold.stored()):
            yield f"partition {number}, {table} {key}: {_row(found)} is not the oracle's {_row(expected)}"


def check_outputs(evidence: Evidence) -> Iterator[str]:
    """Each published message is the oracle's n-th of its partition, key, bytes and headers alike; none is repeated."""
    for topic in evidence.output_topics:
        for number in range(PARTITIONS):
            found, expected = evidence.published(topic, number), evidence.expected(topic, number)
            if found == expected:
                continue
            repeated = [one for one, count in Counter(found).items() if count > 1 and one.ce_id]
            if repeated:
                yield f"{topic} {number}: {len(repeated)} are repeated, first {_sent(repeated[0])}"
            place = _first_difference(found, expected)
            yield (
                f"{topic} {number}: message {place} of {len(found)} ({len(expected)} expected): "
                f"{_sent(*found[place : place + 1])} is not the oracle's {_sent(*expected[place : place + 1])}; "
                f"{_commit_of_output(evidence, topic, number, place)}"
            )


# Plain sums.


def check_sums(evidence: Evidence) -> Iterator[str]:
    """Receipts, lines, units, gross and discounts of each store and day are the sums of the load."""
    expected: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for receipt in _counted(evidence):
        sums = expected[receipt.store_id, receipt.day.isoformat()]
        sums["receipts"] += 1
        sums["lines"] += len(receipt.lines)
        sums["units"] += sum(line.quantity for line in receipt.lines)
        sums["gross"] += sum(line.gross for line in receipt.lines)
        sums["discounts"] += sum(line.discount for line in receipt.lines)
    found = _day_sums(evidence)
    for place in sorted(expected.keys() | found.keys()):
        if +found[place] != +expected[place] and any(found[place].values()) | any(expected[place].values()):
            store, day = place
            yield f"store {store} on {day}: {_plain(found[place])} instead of {_plain(expected[place])}"


def check_stock(evidence: Evidence) -> Iterator[str]:
    """What came less what left is on hand, for every article that nobody counted."""
    expected: dict[str, int] = defaultdict(int)
    for planned in evidence.planned:
        if planned.what is not What.DUPLICATE:
            for store, sku, quantity in planned.moves:
                expected[f"{store}/{sku}"] += quantity
    for receipt in _counted(evidence):
        for line in receipt.lines:
            expected[f"{receipt.store_id}/{line.sku}"] -= line.quantity
    found: dict[str, int] = defaultdict(int)
    found |= {key: row.on_hand for rows in evidence.tables for key, row in _decoded(rows, tables.stock)}
    counted = {f"a{number:04}" for number in range(ARTICLES - COUNTED_ARTICLES, ARTICLES)}
    for key in sorted(expected.keys() | found.keys()):
        if key.partition("/")[2] not in counted and found[key] != expected[key]:
            yield f"{key}: {found[key]} on hand instead of {expected[key]}"


def check_dead_letters(evidence: Evidence) -> Iterator[str]:
    """Each malformed message is a dead letter, once, with its code and its bytes; nothing else is."""
    expected = {
        place: (planned.sent.key, planned.sent.value, planned.code)
        for place, planned in zip(evidence.places, evidence.planned, strict=True)
        if planned.code is not None
    }
    found: dict[Place, tuple[bytes | None, bytes | None, str]] = {}
    for number in range(PARTITIONS):
        for letter in evidence.published(evidence.topics.dead_letters.name, number):
            why = {name: (value or b"").decode() for name, value in letter.headers}
            origin = Place(why[TOPIC], int(why[PARTITION]), int(why[OFFSET]))
            if origin in found:
                yield f"{_place(origin)} is a dead letter twice"
            if original_headers(letter.headers):
                yield f"{_place(origin)} has other headers than its message"
            found[origin] = (letter.key, letter.value, why[EXCEPTION])
    for origin in sorted(expected.keys() | found.keys()):
        if found.get(origin) != expected.get(origin):
            is_code = (found.get(origin, ("", "", "none"))[2], expected.get(origin, ("", "", "none"))[2])
            yield f"{_place(origin)}: dead letter {is_code[0]} instead of {is_code[1]}"


CHECKS: Final[Mapping[str, Check]] = {
    "substance": check_substance,
    "journal": check_journal,
    "tables": check_tables,
    "volume": check_volume,
    "outputs": check_outputs,
    "sums": check_sums,
    "stock": check_stock,
    "dead letters": check_dead_letters,
}


def check_transactions(site: Site, evidence: Evidence) -> Iterator[str]:
    """No transaction is left open: readers of committed messages get to the end of every topic."""
    admin = AdminClient({"bootstrap.servers": site.bootstrap, "log_level": 0})
    ends = {}
    for level in (IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED):
        asked = {
            TopicPartition(topic, number): OffsetSpec.latest()  # type: ignore[no-untyped-call]  # the client's
            for topic in evidence.messages
            for number in range(PARTITIONS)
        }
        answers = admin.list_offsets(asked, isolation_level=level, request_timeout=ANSWER_SECONDS)
        ends[level] = {(tp.topic, tp.partition): answer.result().offset for tp, answer in answers.items()}
    for place, end in sorted(ends[IsolationLevel.READ_UNCOMMITTED].items()):
        if (stable := ends[IsolationLevel.READ_COMMITTED][place]) != end:
            yield f"transactions: {place[0]} {place[1]} is readable up to {stable} of {end}"


def check_audit(site: Site, survivor: str) -> Iterator[str]:
    """The application's own auditor, as people run it, finds nothing either."""
    found = site.run("audit", "verify", "--log", "--data", str(site.folder / survivor))
    if found.returncode != 0:
        yield f"audit: {(found.stdout + found.stderr).strip()[: SHOWN * SHOWN_CHARACTERS]}"


def gap(evidence: Evidence, since_ms: int, until_ms: int) -> tuple[float, int]:
    """The longest time that a partition was without a commit while the load ran: seconds, and which partition."""
    worst = (0.0, 0)
    for number, entries in enumerate(evidence.journal):
        moments = [since_ms, *(entry.at_ms for entry in entries if since_ms <= entry.at_ms <= until_ms), until_ms]
        longest = max(later - earlier for earlier, later in pairwise(moments))
        worst = max(worst, (longest / 1_000, number))
    return worst


# What the sums are made of.


def _counted(evidence: Evidence) -> list[Counts]:
    """The receipts that count: those that no void names."""
    voided = {planned.voids for planned in evidence.planned if planned.voids is not None}
    receipts = [planned.counts for planned in evidence.planned if planned.counts is not None]
    return [receipt for receipt in receipts if (receipt.store_id, receipt.receipt_id) not in voided]


def _day_sums(evidence: Evidence) -> dict[tuple[str, str], Counter[str]]:
    found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for rows in evidence.tables:
        for key, figures in _decoded(rows, tables.store_days):
            store, _, day = key.partition("/")
            found[store, day].update(
                receipts=figures.receipts,
                lines=figures.lines,
                gross=figures.gross_sales,
                discounts=figures.discounts,
            )
        for key, demand in _decoded(rows, tables.demand):
            for number in range(demand.first_day, demand.newest_day + 1):
                found[key.partition("/")[0], _iso(number)]["units"] += sold_on(demand, number)
        for key, row in _decoded(rows, tables.stock):
            for number, units in sold_by_day(row).items():
                if units:
                    found[key.partition("/")[0], _iso(number)]["units"] += units
    return found


def _iso(day: int) -> str:
    return date.fromordinal(day).isoformat()


def _decoded(rows: Tables, table: Table[Any]) -> Iterator[tuple[str, Any]]:
    for (name, key), row in rows.items():
        if name == table.name:
            yield key, msgspec.msgpack.decode(row, type=table.row)


# Where it began.


def _first_bad_commit(evidence: Evidence, number: int, table: str, key: str) -> str:
    """The first commit after which this row was not the oracle's, with the spans around it."""
    writes = dict(evidence.writes(number, table, key))
    entries = {entry.sequence: entry for entry in evidence.journal[number]}
    current: bytes | None = None
    for entry, fold in evidence.walk(number):
        if entry.sequence not in writes:
            continue
        current = writes[entry.sequence]
        if fold.stored().get((table, key)) != current:
            around = [entries[one] for one in range(entry.sequence - 1, entry.sequence + 2) if one in entries]
            return f"first in commit {entry.sequence}; {_spans(around)}"
    return f"never written as the oracle has it; written by commits {sorted(writes)[-3:]}"


def _commit_of_output(evidence: Evidence, topic: str, number: int, place: int) -> str:
    """The commit in which the oracle publishes the n-th message of a topic, with the spans around it."""
    before: Entry | None = None
    for entry, fold in evidence.walk(number):
        if sum(output.topic == topic for output in fold.outputs) > place:
            return _spans([one for one in (before, entry) if one is not None])
        before = entry
    return "the oracle does not publish so many"


def _unlike(found: Tables, expected: Tables) -> Iterator[tuple[tuple[str, str], bytes | None, bytes | None]]:
    for place in sorted(found.keys() | expected.keys()):
        if found.get(place) != expected.get(place):
            yield place, found.get(place), expected.get(place)


def _first_difference(found: list[Sent], expected: list[Sent]) -> int:
    pairs = zip(found, expected, strict=False)
    return next((place for place, (one, other) in enumerate(pairs) if one != other), min(len(found), len(expected)))


# How it is shown.


def _spans(entries: list[Entry]) -> str:
    return "spans " + " | ".join(f"{entry.sequence}: {json.dumps(list(islice(entry.spans, 20)))}" for entry in entries)


def _row(row: bytes | None) -> str:
    return "nothing" if row is None else str(msgspec.msgpack.decode(row))[:SHOWN_CHARACTERS]


def _sent(sent: Sent | None = None) -> str:
    if sent is None:
        return "nothing"
    return f"{sent.ce_id or 'message'} {(sent.value or b'')[:SHOWN_CHARACTERS].decode('utf-8', 'replace')}"


def _plain(sums: Counter[str]) -> str:
    return ", ".join(f"{name} {sums[name]}" for name in ("receipts", "lines", "units", "gross", "discounts"))


def _place(place: Place) -> str:
    return f"{place.topic} {place.partition}:{place.offset}"
