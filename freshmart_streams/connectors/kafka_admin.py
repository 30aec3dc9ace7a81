"""Topics on a broker: create what is missing, tell what differs; partition counts are never changed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewTopic

from freshmart_streams.connectors.kafka import Cluster, KafkaFailure
from freshmart_streams.topics import GroupName, Topic

_ANSWER_S: Final = 30.0
_LOOK_AGAIN_S: Final = 0.1


class PartitionsDifferError(Exception):
    """The topics of one group have different numbers of partitions, or not the number that is set."""


@dataclass(frozen=True)
class Difference:
    """One thing about a topic that is not as it must be."""

    topic: str
    what: str
    expected: str
    found: str


def touch(cluster: Cluster, names: Iterable[str]) -> None:
    """Make topics appear on the embedded broker, where asking for one creates it with four partitions.

    Raises:
        KafkaFailure: the broker does not answer.
    """
    admin = cluster.admin()
    for name in names:
        try:
            admin.list_topics(name, timeout=_ANSWER_S)
        except KafkaException as error:
            raise KafkaFailure(f"the embedded broker at {cluster.bootstrap} does not answer ({error})") from error


def partition_counts(cluster: Cluster, topics: Sequence[Topic]) -> dict[str, int]:
    """Return the number of partitions of those of the topics that exist."""
    there = cluster.metadata().topics
    return {topic.name: len(there[topic.name].partitions) for topic in topics if topic.name in there}


def check_partitions(topics: Sequence[Topic], counts: dict[str, int], wanted: int) -> None:
    """Refuse topics of one group that have different numbers of partitions, or another than `wanted`.

    Raises:
        PartitionsDifferError: with one line that names them.
    """
    for group in GroupName:
        found = {topic.name: counts[topic.name] for topic in topics if group in topic.groups and topic.name in counts}
        if len(set(found.values())) > 1:
            listed = ", ".join(f"{name} {count}" for name, count in found.items())
            raise PartitionsDifferError(
                f"the topics of the group {group.value} have different numbers of partitions, and a topic keeps its "
                f"number for life: {listed}"
            )
        if found and wanted not in found.values():
            count = next(iter(found.values()))
            raise PartitionsDifferError(
                f"the existing topics have {count} partitions, FRESHMART_PARTITIONS is {wanted}: set it to {count}"
            )


def create_topics(cluster: Cluster, topics: Sequence[Topic], partitions: int) -> list[str]:
    """Create the topics that are missing and return their names; what is there is left as it is.

    Raises:
        PartitionsDifferError: topics that are there do not fit together; nothing was created.
        KafkaFailure: the broker does not answer, or refuses one.
    """
    counts = partition_counts(cluster, topics)
    missing = [topic for topic in topics if topic.name not in counts]
    if cluster.is_embedded:
        touch(cluster, [topic.name for topic in missing])
        return [topic.name for topic in missing]
    check_partitions(topics, counts, partitions)
    if not missing:
        return []
    new = [NewTopic(topic.name, num_partitions=partitions, config=topic.configs) for topic in missing]
    created = []
    admin = cluster.admin()  # kept: without it its answers would be cut off
    for name, future in admin.create_topics(new, request_timeout=_ANSWER_S).items():
        if _result(future, f"the topic {name} cannot be created", unless=KafkaError.TOPIC_ALREADY_EXISTS):
            created.append(name)
    await_topics(cluster, [topic.name for topic in missing])
    return created


def await_topics(cluster: Cluster, names: Iterable[str]) -> None:
    """Wait until the broker that was asked to create topics shows them: it learns of them a moment later.

    Raises:
        KafkaFailure: it does not show them within half a minute.
    """
    wanted = set(names)
    deadline = time.monotonic() + _ANSWER_S
    while not wanted <= cluster.metadata().topics.keys():
        if time.monotonic() > deadline:
            raise KafkaFailure(f"the broker at {cluster.bootstrap} does not show the topics that it created")
        time.sleep(_LOOK_AGAIN_S)


def differences(cluster: Cluster, topics: Sequence[Topic], partitions: int) -> list[Difference]:
    """Return everything that is not as it must be, in the order of the topics.

    The embedded broker tells no settings of topics, so only their existence and partitions are checked there.

    Raises:
        KafkaFailure: the broker does not answer.
    """
    counts = partition_counts(cluster, topics)
    configs = {} if cluster.is_embedded else _configs(cluster, list(counts))
    found = []
    for topic in topics:
        if topic.name not in counts:
            found.append(Difference(topic.name, "topic", "exists", "missing"))
            continue
        if counts[topic.name] != partitions:
            found.append(Difference(topic.name, "partitions", str(partitions), str(counts[topic.name])))
        for name, expected in topic.configs.items() if configs else ():
            value = configs[topic.name].get(name, "")
            if not _is_same(value, expected):
                found.append(Difference(topic.name, name, expected, value or "not set"))
    return found


def _configs(cluster: Cluster, names: Sequence[str]) -> dict[str, dict[str, str]]:
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
    admin = cluster.admin()  # kept: without it its answers would be cut off
    answers = admin.describe_configs(resources, request_timeout=_ANSWER_S) if resources else {}
    found = {}
    for resource, future in answers.items():
        entries = _result(future, f"the settings of {resource.name} cannot be read")
        found[resource.name] = {name: str(entry.value) for name, entry in entries.items()}
    return found


def _is_same(found: str, expected: str) -> bool:
    """Compare settings; a list such as `compact,delete` has no order."""
    return sorted(found.split(",")) == sorted(expected.split(","))


def _result(future: Future[Any], trouble: str, *, unless: int | None = None) -> Any:
    """Wait for an answer; True for an empty one, False where it is the error `unless`."""
    try:
        answer = future.result()
    except KafkaException as error:
        reason = error.args[0]
        if unless is not None and reason.code() == unless:
            return False
        raise KafkaFailure(f"{trouble} ({reason.str()})") from error
    return True if answer is None else answer
