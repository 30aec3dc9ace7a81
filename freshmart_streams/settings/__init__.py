"""Settings: the one place where the environment is read (contracts.md section 7).

`Settings.from_environment` takes every variable whose name starts with `FRESHMART_`; an empty one counts as absent. A
wrong value, a file that cannot be read and a name that nobody knows raise `SettingError`, one line for a person.
Secrets are files: what is in them is never kept here, and what such a variable holds is never shown.
"""

import dataclasses
import difflib
import os
import re
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, get_type_hints

from freshmart_streams.settings import consistency, values
from freshmart_streams.settings.forms import PREFIX, SECRET, SHAPES_RESULTS, SettingError, VariableForm, variable

__all__ = ["BrokerKind", "Clock", "SaslMechanism", "SettingError", "Settings", "variable_forms"]

# What only tests read, and what Kubernetes puts into containers for a service whose name starts with "freshmart".
_NOT_OURS: Final = re.compile(
    r"FRESHMART_(?:TEST_[A-Z0-9_]+|SHARED_DATA"
    r"|(?:[A-Z0-9_]+_)?SERVICE_(?:HOST|PORT(?:_[A-Z0-9_]+)?)"
    r"|(?:[A-Z0-9_]+_)?PORT_[0-9]+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)"
)
_SERVICE_LINK: Final = re.compile(r"(?:tcp|udp|sctp)://")

File = Annotated[Path | None, values.FILE]
SecretFile = Annotated[Path | None, values.FILE, SECRET]


class Clock(StrEnum):
    """Where time comes from."""

    LIVE = "live"
    EVENTS = "events"


class BrokerKind(StrEnum):
    """What stands behind `Settings.broker`."""

    KAFKA = "kafka"
    EMBEDDED = "embedded"
    IN_PROCESS = "in-process"


class SaslMechanism(StrEnum):
    """How a client proves to the brokers who it is."""

    PLAIN = "PLAIN"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    SCRAM_SHA_512 = "SCRAM-SHA-512"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that can be set; the variable of a field is its name in capitals after `FRESHMART_`."""

    broker: Annotated[str, values.BROKER] = ""
    """The broker: Kafka, the embedded one as `freshmart broker` prints it, or, when empty, one inside this process."""
    topic_prefix: Annotated[str, values.TOPIC_PREFIX, SHAPES_RESULTS] = "freshmart."
    """What the names of all topics start with."""
    partitions: Annotated[int, values.whole(1, 1_000), SHAPES_RESULTS] = consistency.EMBEDDED_PARTITIONS
    """Partitions of every topic that `topics create` makes, fixed for life: no more workers than this share the work.
    The embedded broker has 4, always."""
    data_dir: Annotated[Path, values.FOLDER] = Path("data")
    """Folder of the local state, one per worker; it may be deleted while no worker runs and is then rebuilt."""
    web_port: Annotated[int, values.whole(1, values.PORT_MAX)] = 6066
    """Port of the web server."""
    web_bind: Annotated[str, values.BIND] = "127.0.0.1"
    """Address that the web server listens on; another than a loopback address needs a tokens file."""
    advertised_url: Annotated[str, values.BASE_URL] = ""
    """How other workers reach this one; when empty, made of bind address (of `0.0.0.0` the host's name) and port."""
    clock: Annotated[Clock, values.one_of(Clock)] = Clock.LIVE
    """`live` writes ticks, so that time passes in silence; with `events` (imports, simulations) time is the events'."""
    dedupe_days: Annotated[int, values.whole(1, 365, "days"), SHAPES_RESULTS] = 14
    """How far behind its store's clock an event still counts, and for how long its id is remembered."""
    day_grace_hours: Annotated[int, values.whole(0, 72, "hours"), SHAPES_RESULTS] = 3
    """How long after local midnight a store's day becomes final."""
    holdout_percent: Annotated[int, values.whole(0, 100, "per cent"), SHAPES_RESULTS] = 10
    """Share of the customers who never get an offer, to measure what offers do."""
    session_timeout_s: Annotated[int, values.whole(3, 300, "seconds")] = 10
    """After how long without a sign of life a worker's partitions move to others; below 6 the brokers must allow it
    (`group.min.session.timeout.ms`)."""
    commit_interval_ms: Annotated[int, values.whole(1, 10_000, "milliseconds")] = 50
    """Shortest distance between the starts of two commits of a partition."""
    memory_mb: Annotated[int, values.whole(64, 1_000_000, "megabytes")] = 512
    """Memory that a worker may use for rows of tables."""
    standbys: Annotated[int, values.whole(0, 3)] = 0
    """Workers besides the owner that keep a copy of a partition's tables, for a faster take-over."""
    tokens_file: SecretFile = field(default=None, repr=False)
    """JSON object of SHA-256 sums of bearer tokens with their roles and stores (`freshmart token create`)."""
    peer_key_file: SecretFile = field(default=None, repr=False)
    """Key with which workers sign forwarded requests; without it, derived from the tokens file."""
    oidc_issuer: Annotated[str, values.ISSUER] = ""
    """OpenID Connect issuer. Its tokens are not verified by this version: it needs a tokens file beside it."""
    master_key_file: Annotated[Path | None, values.KEY_FILE, SECRET] = field(default=None, repr=False)
    """Key that wraps the customers' keys."""
    tls_ca_file: File = None
    """Certificates (PEM) of those who may vouch for the brokers; turns TLS on."""
    tls_cert_file: File = None
    """This client's certificate (PEM), together with its key; turns TLS on."""
    tls_key_file: SecretFile = field(default=None, repr=False)
    """Key (PEM) of this client's certificate."""
    sasl_mechanism: Annotated[SaslMechanism | None, values.one_of(SaslMechanism)] = None
    """How this client proves to the brokers who it is; needs the two files below."""
    sasl_username_file: SecretFile = field(default=None, repr=False)
    """File with the user's name; white space at its end does not count."""
    sasl_password_file: SecretFile = field(default=None, repr=False)
    """File with the password; white space at its end does not count."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """Read the settings, by default from the process's environment; raises `SettingError`."""
        environment = os.environ if environment is None else environment
        texts = {name: text.strip() for name, text in environment.items() if _is_ours(name, text)}
        known = variable_forms()
        names = {variable(name): name for name in known}
        for name in sorted(texts.keys() - names.keys()):
            raise SettingError(name, _no_such(name, names))
        settings = cls(**{name: known[name].value(key, texts[key]) for key, name in names.items() if texts.get(key)})
        consistency.check(settings)
        return settings if settings.advertised_url else dataclasses.replace(settings, advertised_url=_own_url(settings))

    @property
    def broker_kind(self) -> BrokerKind:
        """What kind of broker `broker` names."""
        return BrokerKind(self.broker.partition("://")[0]) if self.broker else BrokerKind.IN_PROCESS

    @property
    def bootstrap(self) -> str:
        """`host:port,host:port` of the broker; empty when it is to run inside this process."""
        return self.broker.partition("://")[2]

    @property
    def has_tls(self) -> bool:
        """Whether connections to the brokers are encrypted."""
        return self.tls_ca_file is not None or self.tls_cert_file is not None

    @property
    def result_settings(self) -> dict[str, str]:
        """The settings that published results depend on, as text, for the journal's `rules`."""
        return {name: str(getattr(self, name)) for name, form in variable_forms().items() if form.shapes_results}


def variable_forms() -> dict[str, VariableForm]:
    """Return the form of each field's variable, in the order of the fields."""
    hints = get_type_hints(Settings, include_extras=True)
    return {item.name: VariableForm.of(hints[item.name]) for item in dataclasses.fields(Settings)}


def _is_ours(name: str, text: str) -> bool:
    if name.endswith("_PORT") and _SERVICE_LINK.match(text):
        return False
    return name.startswith(PREFIX) and not _NOT_OURS.fullmatch(name)


def _no_such(name: str, known: Iterable[str]) -> str:
    closest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    return f"there is no such setting; the closest is {closest[0]}"


def _own_url(settings: Settings) -> str:
    host = socket.gethostname() if values.is_wildcard(settings.web_bind) else settings.web_bind
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.web_port}"
