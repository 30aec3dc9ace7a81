"""The Faust app with the engine in it: what of Faust is used, replaced and switched off.

Used: services and their order, the consumer thread, the group protocol, the assignor, agents and streams, the aiohttp
    server. Replaced: transport, tables, recovery, commits. Switched off: reading Faust's own environment variables
    (they would beat the arguments), the leader topic, Faust's web routes, `processing_guarantee`.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import faust
from aiokafka.errors import KafkaError
from faust.app.base import BootStrategy as FaustBootStrategy
from mode import Service, ServiceT

from freshmart_streams.engine import transport
from freshmart_streams.engine.connection import WAIT_SECONDS, BrokerTimeoutError, Connection, within
from freshmart_streams.engine.groups import Group
from freshmart_streams.engine.logs import SERVICE_LOG
from freshmart_streams.engine.options import EngineOptions, RefusedError
from freshmart_streams.engine.recovery import GroupTable, TableManager
from freshmart_streams.engine.topics import changelog_name, prepare_topics
from freshmart_streams.engine.turns import Work
from freshmart_streams.engine.web import Web
from freshmart_streams.engine.worker import Engine

log = logging.getLogger(__name__)

CONNECT_SECONDS = 2.0
HEARTBEAT_SECONDS = 0.3
"""A worker hears with a heartbeat that the group rebalances; until the last one has heard, all of them pause."""


class BatchSchema(faust.Schema[Any, Any]):
    """Passes work through to the agent as it is."""

    def compile(self, app: Any, **options: Any) -> Any:
        """The function that makes an event of a message."""
        create_event = app.create_event

        async def decode(message: Any, *, propagate: bool = False) -> Any:
            return create_event(None, message.value, None, message)

        return decode


class BrokerReady(Service):
    """Waits for the broker, for ever, one line for each attempt; then looks after the topics."""

    logger = SERVICE_LOG

    app: "App"

    def __init__(self, app: "App", **options: Any) -> None:
        super().__init__(**options)
        self.app = app

    async def on_start(self) -> None:
        """Return when the broker answers and the topics are as they must be, or when the app stops."""
        while not (self.app.should_stop or self.app.stopping.is_set()):
            try:
                self.app.engine.partition_counts = await prepare_topics(
                    self.app.connection, self.app.groups, self.app.conf.id
                )
                self.app.reason = "joining the group"
                return
            except RefusedError as error:
                self.app.refuse(str(error))
                return
            except (KafkaError, BrokerTimeoutError, OSError) as error:
                address, kind = self.app.connection.bootstrap, type(error).__name__
                self.app.reason = f"the broker at {address} cannot be reached ({kind}); trying again"
                log.warning("%s", self.app.reason)
                await asyncio.sleep(CONNECT_SECONDS)


class BootStrategy(FaustBootStrategy):
    """The web server first, so that health and pages answer while the broker is away.

    Then the broker; then the rest.
    """

    app: "App"

    def server(self) -> Iterable[ServiceT]:
        """The services of a worker, in the order of their start."""
        return self._chain(
            self.sensors(),
            self.web_server(),
            [BrokerReady(self.app)],
            self.kafka_producer(),
            self.kafka_consumer(),
            self.agents(),
            self.kafka_conductor(),
            self.tables(),
        )


class App(faust.App):
    """A worker's app.

    Args:
        app_id: consumer group, and prefix of changelogs and transactional ids.
        connection: to the broker.
        groups: the partition groups.
        options: for the engine.
        session_timeout: seconds after which the group believes a silent worker dead.
        standbys: copies of each partition that other workers keep.
        advertised_url: how other workers reach this one.
        client_id: what the broker calls this one, among the group's members and in its log.
        web_enabled: whether to serve HTTP.
        credentials: for the broker, in Faust's form.
        web_options: arguments of `aiohttp.web.Application`, its middlewares.
    """

    logger = SERVICE_LOG

    BootStrategy = BootStrategy

    def __init__(
        self,
        app_id: str,
        *,
        connection: Connection,
        groups: Sequence[Group],
        options: EngineOptions,
        session_timeout: float = 10.0,
        standbys: int = 0,
        web_options: Mapping[str, Any] | None = None,
        advertised_url: str = "",
        client_id: str = "freshmart",
        web_enabled: bool = True,
        credentials: Any = None,
    ) -> None:
        super().__init__(
            app_id,
            broker=[f"state://{address}" for address in connection.bootstrap.split(",")],
            broker_credentials=credentials,
            broker_client_id=client_id,
            env={},  # Faust's own variables would beat these arguments
            store="memory://",
            datadir=str(options.folder),
            TableManager=TableManager,
            Table=GroupTable,
            topic_allow_declare=False,
            topic_disable_leader=True,
            table_standby_replicas=standbys,
            broker_session_timeout=session_timeout,
            broker_heartbeat_interval=min(HEARTBEAT_SECONDS, session_timeout / 4),
            broker_rebalance_timeout=max(20.0, 2 * session_timeout),
            broker_request_timeout=max(40.0, 2 * session_timeout),
            broker_commit_interval=5.0,
            consumer_max_fetch_size=transport.FETCH_BYTES,
            consumer_auto_offset_reset="earliest",
            consumer_metadata_max_age_ms=30_000,
            stream_buffer_maxsize=4096,
            stream_wait_empty=False,
            canonical_url=advertised_url or None,
            web_enabled=web_enabled,
            web_tables_enabled=False,
            web_router_enabled=False,
            web_application_options=dict(web_options or {}),
        )
        self.connection = connection
        self.groups = list(groups)
        self.reason = "starting"
        self.refusal = ""
        self.has_failed = False
        self.stopping = asyncio.Event()
        self.engine = Engine(self, groups, connection, options)
        for group in groups:
            self._add_group(group)

    def _new_web(self) -> Any:
        return Web(self)

    def _create_directories(self) -> None:
        """Faust keeps nothing on disk here; the engine makes its own folders."""

    def _add_group(self, group: Group) -> None:
        self.tables.add(GroupTable(self, name=changelog_name(self.conf.id, group)))
        channel = self.topic(*group.inputs, schema=BatchSchema(), maxsize=4096)

        async def fold(works: Any) -> None:
            async for work in works:
                await cast(Work, work).fold()

        self.agent(channel, name=f"{group.name}-agent")(fold)

    async def on_start(self) -> None:
        """Start the engine with the app."""
        await super().on_start()
        await self.engine.start()

    async def on_shutdown(self) -> None:
        """Leave nothing open behind."""
        await super().on_shutdown()
        if self._consumer is not None:
            cast(transport.Consumer, self._consumer).thread.close_unless_begun()

    async def wait_until_crashed(self) -> None:
        """Return when a service failed in a way that the app does not outlive."""
        await self._crashed.wait()

    @property
    def has_crashed(self) -> bool:
        """Whether a service failed in a way that the app does not outlive."""
        return self.has_failed or self._crashed.is_set()

    def refuse(self, reason: str) -> None:
        """End the app: it must not go on, and trying again would not help."""
        self.refusal = self.reason = reason
        self.stopping.set()

    def fail(self, reason: str) -> None:
        """End the app with a failure, so that its supervisor starts it again."""
        self.reason = reason
        self.has_failed = True
        self.stopping.set()

    async def send_tick(self, topic: str, partition: int, value: bytes) -> None:
        """Write a tick. It needs no exactness.

        It counts with its time in the log, and one more or less changes nothing that is due.
        """
        with contextlib.suppress(KafkaError):
            await within(
                WAIT_SECONDS, "writing a tick", cast(Any, self.producer).send(topic, None, value, partition, None, None)
            )
