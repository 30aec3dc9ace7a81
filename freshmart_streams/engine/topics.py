"""What the engine needs of the broker's topics: one partition count per group, and the changelogs."""

import asyncio
import logging
from collections.abc import Sequence

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError

from freshmart_streams.engine.broker import CLUSTER_ID_PREFIX
from freshmart_streams.engine.changelog import DELETE_RETENTION_MS
from freshmart_streams.engine.connection import WAIT_SECONDS, Connection, ended, within
from freshmart_streams.engine.groups import Group
from freshmart_streams.engine.options import RefusedError

log = logging.getLogger(__name__)


def changelog_name(app_id: str, group: Group) -> str:
    """The name of a group's changelog."""
    return f"{app_id}-{group.name}-changelog"


def changelog_configs() -> dict[str, str]:
    """How a changelog is kept: the last value of each row, deletions for seven days."""
    return {
        "cleanup.policy": "compact",
        "delete.retention.ms": str(DELETE_RETENTION_MS),
        "max.message.bytes": str(16 << 20),
    }


async def prepare_topics(connection: Connection, groups: Sequence[Group], app_id: str) -> dict[str, int]:
    """Check that the inputs of each group have one partition count, and create the changelogs where they are missing.

    Returns:
        The partition count of each group.

    Raises:
        RefusedError: inputs are missing or differ.
        KafkaError, BrokerTimeoutError, OSError: the broker cannot be reached.
    """
    admin = connection.admin()
    try:
        await within(WAIT_SECONDS, "connecting", admin.start())
        await _check_kind(admin, connection)
        return {group.name: await _prepare_group(admin, connection, group, app_id) for group in groups}
    finally:
        await ended(admin.close())


async def _check_kind(admin: AIOKafkaAdminClient, connection: Connection) -> None:
    """The protocol that is right for one kind of broker is wrong for the other."""
    cluster = await within(WAIT_SECONDS, "asking what broker this is", admin.describe_cluster())
    is_embedded = str(cluster.get("cluster_id") or "").startswith(CLUSTER_ID_PREFIX)
    if is_embedded and connection.mode == "tx":
        raise RefusedError(
            f"FRESHMART_BROKER: {connection.bootstrap} is an embedded broker; write embedded://{connection.bootstrap}"
        )
    if not is_embedded and connection.mode == "log":
        raise RefusedError(
            f"FRESHMART_BROKER: {connection.bootstrap} is a Kafka, no embedded broker; write kafka://{connection.bootstrap}"
        )


async def _prepare_group(admin: AIOKafkaAdminClient, connection: Connection, group: Group, app_id: str) -> int:
    names = [*group.inputs, *group.master, *([group.journal] if group.journal else [])]
    if connection.mode == "log":
        await _touch(admin, [*names, changelog_name(app_id, group)])
    counts = await _partition_counts(admin, names)
    missing = [name for name in names if not counts.get(name)]
    if missing:
        raise RefusedError(
            f"the broker has no topic {', '.join(missing)}: create the topics first (freshmart topics create)"
        )
    together = {name: counts[name] for name in [*group.inputs, *([group.journal] if group.journal else [])]}
    if len(set(together.values())) != 1:
        listed = ", ".join(f"{name}: {count}" for name, count in together.items())
        raise RefusedError(f"the topics of the group {group.name} must have one partition count, but have {listed}")
    count = next(iter(together.values()))
    if connection.mode == "tx":
        await _create_changelog(admin, changelog_name(app_id, group), count)
    return count


async def _touch(admin: AIOKafkaAdminClient, names: Sequence[str]) -> None:
    """On the embedded broker a topic appears when it is asked for by name."""
    for _ in range(50):
        described = await within(WAIT_SECONDS, "asking for the topics", admin.describe_topics(list(names)))
        if all(topic["error_code"] == 0 for topic in described):
            return
        await asyncio.sleep(0.1)


async def _partition_counts(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, int]:
    """The partitions of those topics that are there. All are asked for: naming one may create it."""
    described = await within(WAIT_SECONDS, "asking for the topics", admin.describe_topics(None))
    counts = {topic["topic"]: len(topic["partitions"]) for topic in described if topic["error_code"] == 0}
    return {name: counts[name] for name in names if name in counts}


async def _create_changelog(admin: AIOKafkaAdminClient, name: str, partitions: int) -> None:
    counts = await _partition_counts(admin, [name])
    if name not in counts:
        topic = NewTopic(name, partitions, 1, topic_configs=changelog_configs())
        topic.replication_factor = -1  # the broker's default; aiokafka's constructor does not know it (KIP-464)
        created = await within(WAIT_SECONDS, "creating the changelog", admin.create_topics([topic]))
        errors = [error for _, code, *error in created.topic_errors if code not in (0, TopicAlreadyExistsError.errno)]
        if errors:
            raise RefusedError(f"the changelog {name} cannot be created: {errors}")
        log.info("created the changelog %s with %s partitions", name, partitions)
    elif counts[name] != partitions:
        raise RefusedError(f"the changelog {name} has {counts[name]} partitions, the inputs have {partitions}")
    else:
        await _check_changelog(admin, name)


async def _check_changelog(admin: AIOKafkaAdminClient, name: str) -> None:
    """A changelog that forgets deletions sooner than the engine believes would bring deleted rows back."""
    resource = ConfigResource(ConfigResourceType.TOPIC, name)
    answers = await within(WAIT_SECONDS, "asking how the changelog is kept", admin.describe_configs([resource]))
    kept = {entry[0]: entry[1] for answer in answers for *_, entries in answer.resources for entry in entries}
    for key in ("cleanup.policy", "delete.retention.ms"):
        wanted = changelog_configs()[key]
        if kept.get(key, wanted) != wanted:
            raise RefusedError(f"the changelog {name} has {key}={kept[key]}, it must be {wanted}")
