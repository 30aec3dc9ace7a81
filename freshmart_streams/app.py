"""The application: the engine, the shop's agents and the web, built from Settings; and how a worker begins and ends.

What of Faust is used, replaced and switched off stands in engine/app.py.
"""

import asyncio
import contextlib
import gc
import hashlib
import importlib.metadata
import logging
import os
import signal
import tempfile
import threading
from collections.abc import Coroutine, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import faust
import msgspec
import orjson

from freshmart_streams import __version__, logs, tables
from freshmart_streams.agents import stores_group
from freshmart_streams.audit.conservation import Conservation
from freshmart_streams.domain.service import Pace, Service
from freshmart_streams.engine import Record
from freshmart_streams.engine.app import App
from freshmart_streams.engine.broker import EmbeddedBroker
from freshmart_streams.engine.budgets import ERRORS_MAX
from freshmart_streams.engine.clock import now_ms
from freshmart_streams.engine.connection import Connection
from freshmart_streams.engine.folder import DataFolder, FolderError
from freshmart_streams.engine.follower import Follower
from freshmart_streams.engine.options import EngineOptions
from freshmart_streams.engine.views import Views
from freshmart_streams.engine.web import PortInUseError, Web, bind
from freshmart_streams.events.reports import StoreDay
from freshmart_streams.metrics import Metrics
from freshmart_streams.settings import BrokerKind, Clock, SettingError, Settings, secrets
from freshmart_streams.topics import GroupName, Topics
from freshmart_streams.web import CompanyDays, Context, PeerKeyError, TokensFileError, mount

log = logging.getLogger(__name__)

DONE, FAILED, WRONG_SETTING = 0, 1, 2
STOP_SECONDS = 8.0
LEFT_SECONDS = 1.0
BYTES_PER_ROW = 1_000
"""What a decoded row costs in memory, roughly: an object, its key and its place in two dictionaries."""
STORES_MAX = 100_000
"""Of a partition, whose service is summed up."""
OBJECTS_TO_COLLECT = 50_000
"""Objects made, less those freed, after which the garbage collector looks at them."""


def rules(settings: Settings) -> str:
    """The version of everything that results depend on: code, holidays, time zones, settings."""
    parts = [*sorted(settings.result_settings.items())]
    parts += [(name, importlib.metadata.version(name)) for name in ("holidays", "tzdata")]
    return f"{__version__}-{hashlib.sha256(orjson.dumps(parts)).hexdigest()[:8]}"


def connection_of(settings: Settings, bootstrap: str) -> Connection:
    """How to reach the broker that the settings name; raises `SettingError` for files that cannot be used."""
    security: dict[str, Any] = {}
    protocol = "SASL_" if settings.sasl_mechanism is not None else ""
    if settings.has_tls:
        security["ssl_context"] = secrets.tls_context(settings)
    security["security_protocol"] = protocol + ("SSL" if settings.has_tls else "PLAINTEXT")
    if settings.sasl_mechanism is not None:
        user, password = secrets.sasl_credentials(settings)
        security["sasl_mechanism"] = settings.sasl_mechanism.value
        security["sasl_plain_username"], security["sasl_plain_password"] = user, password
    mode = "tx" if settings.broker_kind is BrokerKind.KAFKA else "log"
    return Connection(bootstrap=bootstrap, mode=mode, security=security)  # type: ignore[arg-type]  # the two literals


def _credentials(connection: Connection) -> Any:
    """The same credentials in Faust's form."""
    security = connection.security
    if "sasl_mechanism" in security:
        return faust.SASLCredentials(
            username=security["sasl_plain_username"],
            password=security["sasl_plain_password"],
            mechanism=security["sasl_mechanism"],
            ssl_context=connection.ssl_context,
        )
    return None if connection.ssl_context is None else faust.SSLCredentials(connection.ssl_context)


class Worker:
    """One worker: the app with everything that belongs to it.

    Args:
        settings: checked settings.
        bootstrap: `host:port` of the broker, also where it runs in this process.
        folder: for local state.
        accept_loss: see `EngineOptions`.
        accept_errors: whether no number of errors of handlers pauses a partition.
    """

    def __init__(
        self,
        settings: Settings,
        bootstrap: str,
        folder: Path,
        *,
        accept_loss: bool = False,
        accept_errors: bool = False,
    ) -> None:
        self.settings = settings
        self.bootstrap = bootstrap
        self.topics = Topics(settings.topic_prefix)
        connection = connection_of(settings, bootstrap)
        group = stores_group(
            self.topics,
            dedupe_days=settings.dedupe_days,
            day_grace_hours=settings.day_grace_hours,
            rules=rules(settings),
        )
        app_id = f"{settings.topic_prefix}streams"
        options = EngineOptions(
            app_id=app_id,
            folder=folder,
            commit_interval=settings.commit_interval_ms / 1_000,
            rows_in_memory=settings.memory_mb * (1 << 20) // 2 // BYTES_PER_ROW,
            store_megabytes=settings.memory_mb // 4,
            accept_loss=accept_loss,
            errors_max=None if accept_errors else ERRORS_MAX,
            tick_seconds=10.0 if settings.clock is Clock.LIVE else None,
        )
        self.app = App(
            app_id,
            connection=connection,
            groups=[group],
            options=options,
            session_timeout=float(settings.session_timeout_s),
            standbys=settings.standbys,
            advertised_url=settings.advertised_url,
            client_id=f"freshmart-{urlsplit(settings.advertised_url).netloc.replace(':', '-')}",
            credentials=_credentials(connection),
        )
        self._company = CompanyDays()
        self._follower = Follower(connection, [self.topics.store_days.name], self._take_store_day, self._forget_days)
        self._views = Views(self.app.engine, GroupName.STORES.value)
        self._conservation = Conservation(self._views, settings.dedupe_days)
        self._metrics = Metrics(self.app.engine, self._conservation, self._service)

    def context(self) -> Context:
        """What the web may ask for."""
        return Context(
            views=self._views,
            now=lambda: now_ms() / 1_000,
            ready=self.not_ready,
            metrics=self._metrics.text,
            company=self._company.day,
            tokens_file=self.settings.tokens_file,
            peer_key_file=self.settings.peer_key_file,
        )

    def not_ready(self) -> Sequence[str]:
        """Why this worker does not take part; empty when it does."""
        return [self.app.reason] if self.app.reason else self.app.engine.troubles()

    def _service(self) -> Mapping[str, Sequence[Service]]:
        """How the stores of this worker's partitions were served, by pace."""
        found: dict[str, list[Service]] = {pace.value: [] for pace in Pace}
        for number in range(self._views.partition_count):
            view = self._views.local(number)
            if view is not None and not view.stale:
                for key, row in view.scan(tables.service, "", limit=STORES_MAX * len(Pace)):
                    found[key.rpartition("/")[2]].append(row)
        return found

    def _take_store_day(self, record: Record) -> None:
        if record.value is not None:
            written = dict(record.headers).get("ce_time")
            at = None if written is None else msgspec.convert(written.decode(), type=datetime)
            self._company.take(_decode_store_day(record.value), at)

    def _forget_days(self) -> None:
        """Reading begins anew; what is known is replaced by what is read, version by version."""

    async def run(self) -> int:
        """Run until a signal, a refusal or a crash; return the exit code."""
        app = self.app
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, app.stopping.set)
        app.finalize()
        starting = asyncio.create_task(app.start(), name="start")
        stopping = asyncio.create_task(app.stopping.wait(), name="stop")
        await self._follower.start()
        crashed = asyncio.create_task(app.wait_until_crashed(), name="crash")
        looking = asyncio.create_task(self._conservation.run(), name="conservation")
        await asyncio.wait({stopping, crashed}, return_when=asyncio.FIRST_COMPLETED)
        for task in (starting, stopping, crashed, looking):
            task.cancel()
        await self._follower.stop()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(app.stop(), STOP_SECONDS)
        if app.refusal:
            log.error("%s", app.refusal)
            return WRONG_SETTING
        return FAILED if app.has_crashed else DONE


_decode_store_day = msgspec.json.Decoder(StoreDay).decode


def _collect_rarely() -> None:
    """Have the garbage collector look at new objects less often, and at what a program consists of never.

    By default it begins every 700 objects, which is every few receipts, and each time that a quarter has been added
    looks at everything.
    """
    gc.freeze()
    gc.set_threshold(OBJECTS_TO_COLLECT, 20, 100)


def _run(main: Coroutine[Any, Any, int]) -> int:
    """As `asyncio.run`, but what does not let itself be cancelled is not waited for."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    code = loop.run_until_complete(main)
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    left.add(loop.create_task(loop.shutdown_default_executor()))
    loop.run_until_complete(asyncio.wait(left, timeout=LEFT_SECONDS))
    return code


def run_worker(settings: Settings, *, accept_loss: bool = False, accept_errors: bool = False) -> int:
    """Run one worker in this process until it is told to end; return the exit code of the process.

    A client whose broker is away waits for it whoever tells it to stop, and its thread with it. Once everything of the
    worker's own is closed, such a process ends here and does not return.
    """
    code = _run_worker(settings, accept_loss=accept_loss, accept_errors=accept_errors)
    if any(not thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread()):
        logging.shutdown()
        os._exit(code)
    return code


def _run_worker(settings: Settings, *, accept_loss: bool, accept_errors: bool) -> int:
    logs.configure()
    _collect_rarely()
    with contextlib.ExitStack() as stack:
        bootstrap, folder = settings.bootstrap, settings.data_dir
        try:
            taken = bind(settings.web_bind, settings.web_port)
            stack.callback(taken.close)
            if settings.broker_kind is BrokerKind.IN_PROCESS:
                bootstrap = stack.enter_context(EmbeddedBroker()).address
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="freshmart-")))
            claimed = DataFolder(folder, f"{settings.topic_prefix}streams")
            claimed.claim()
            stack.callback(claimed.release)
        except (PortInUseError, FolderError) as error:
            log.error("%s", error)
            return WRONG_SETTING

        async def main() -> int:
            worker = Worker(settings, bootstrap, folder, accept_loss=accept_loss, accept_errors=accept_errors)
            mount(cast(Web, worker.app.web).web_app, worker.context())
            cast(Web, worker.app.web).listening = taken
            return await worker.run()

        try:
            return _run(main())
        except TokensFileError as error:
            log.error("FRESHMART_TOKENS_FILE: %s", error)
        except PeerKeyError as error:
            log.error("FRESHMART_PEER_KEY_FILE: %s", error)
        except SettingError as error:
            log.error("%s", error)
        return WRONG_SETTING
