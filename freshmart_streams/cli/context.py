"""From the environment to what commands work with: settings, and the broker they name."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from freshmart_streams.cli.console import say
from freshmart_streams.cli.errors import CommandError, WrongUsageError

if TYPE_CHECKING:
    from freshmart_streams.connectors.kafka import Cluster
    from freshmart_streams.settings import Settings
    from freshmart_streams.topics import Topics

_RETRY_S: Final = 3.0
_EMBEDDED_CLUSTER_ID: Final = "mockCluster"


def read_settings() -> Settings:
    """Read the settings; a wrong one ends the command with one line and exit code 2."""
    from freshmart_streams.settings import SettingError, Settings

    try:
        return Settings.from_environment()
    except SettingError as error:
        raise WrongUsageError(str(error)) from error


def cluster_of(settings: Settings) -> Cluster:
    """Return how to reach the broker that the settings name; a tool needs one that others can reach too."""
    from freshmart_streams.connectors.kafka import Cluster
    from freshmart_streams.settings import BrokerKind

    if settings.broker_kind is BrokerKind.IN_PROCESS:
        raise WrongUsageError(
            "FRESHMART_BROKER: not set; name a Kafka (kafka://host:port), "
            "or run `freshmart broker` and set what it prints"
        )
    return Cluster(
        bootstrap=settings.bootstrap,
        prefix=settings.topic_prefix,
        is_embedded=settings.broker_kind is BrokerKind.EMBEDDED,
        security=_security(settings),
    )


def reach(cluster: Cluster) -> None:
    """Wait until the broker answers, with one line for each attempt; refuse it when it is of the other kind."""
    from freshmart_streams.connectors.kafka import KafkaFailure

    while True:
        try:
            metadata = cluster.metadata()
            break
        except KafkaFailure as error:
            say(f"{error}; trying again")
            time.sleep(_RETRY_S)
    wrong = wrong_kind(cluster, str(metadata.cluster_id))
    if wrong:
        raise WrongUsageError(f"FRESHMART_BROKER: {wrong}")


def wrong_kind(cluster: Cluster, cluster_id: str) -> str:
    """Say what is wrong when a Kafka is taken for the embedded broker or the other way round; else nothing."""
    is_embedded = cluster_id.startswith(_EMBEDDED_CLUSTER_ID)
    if is_embedded and not cluster.is_embedded:
        return f"this is an embedded broker, write embedded://{cluster.bootstrap}"
    if cluster.is_embedded and not is_embedded:
        return f"this is no embedded broker, write kafka://{cluster.bootstrap}"
    return ""


def need_topics(cluster: Cluster, names: list[str]) -> None:
    """Make sure that topics (full names) exist: the embedded broker makes them, on Kafka their absence is an error."""
    from freshmart_streams.connectors.kafka import KafkaFailure
    from freshmart_streams.connectors.kafka_admin import touch

    try:
        if cluster.is_embedded:
            touch(cluster, names)
        there = cluster.metadata().topics
    except KafkaFailure as error:
        raise CommandError(str(error)) from error
    missing = [name for name in names if name not in there]
    if missing:
        raise CommandError(f"the broker has no topic {', '.join(missing)}: run `freshmart topics create` first")


def topics_of(settings: Settings) -> Topics:
    """Return the topics under the prefix of the settings."""
    from freshmart_streams.topics import Topics

    return Topics(settings.topic_prefix)


def _security(settings: Settings) -> dict[str, object]:
    """Return librdkafka's settings for TLS and SASL."""
    from freshmart_streams.settings import SettingError
    from freshmart_streams.settings.secrets import sasl_credentials, tls_context

    found: dict[str, object] = {}
    if settings.tls_ca_file is not None:
        found["ssl.ca.location"] = str(settings.tls_ca_file)
    if settings.tls_cert_file is not None and settings.tls_key_file is not None:
        found["ssl.certificate.location"] = str(settings.tls_cert_file)
        found["ssl.key.location"] = str(settings.tls_key_file)
    has_sasl = settings.sasl_mechanism is not None
    try:
        if settings.has_tls:
            tls_context(settings)  # librdkafka would say the same as if the broker were away
        if settings.sasl_mechanism is not None:
            found["sasl.mechanism"] = settings.sasl_mechanism.value
            found["sasl.username"], found["sasl.password"] = sasl_credentials(settings)
    except SettingError as error:
        raise WrongUsageError(str(error)) from error
    protocol = {
        (False, False): "plaintext",
        (True, False): "ssl",
        (False, True): "sasl_plaintext",
        (True, True): "sasl_ssl",
    }
    found["security.protocol"] = protocol[settings.has_tls, has_sasl]
    return found
