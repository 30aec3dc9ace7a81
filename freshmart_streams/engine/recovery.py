"""Faust's tables and recovery, with the engine in their place.

Faust keeps what it is good at: the group protocol and the assignor, which needs a table's changelog to keep topics of
one partition together and to name standbys.
"""

import asyncio
import logging
from typing import TYPE_CHECKING, Any, cast

import faust
from faust.tables.manager import TableManager as FaustTableManager
from faust.tables.recovery import Recovery as FaustRecovery
from faust.types import TP
from mode import Service

from freshmart_streams.engine.logs import SERVICE_LOG
from freshmart_streams.engine.options import RefusedError

if TYPE_CHECKING:
    from freshmart_streams.engine.app import App

log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0


class Recovery(FaustRecovery):
    """Opens partitions through the engine instead of reading changelogs table by table."""

    logger = SERVICE_LOG

    @property
    def engine_app(self) -> "App":
        """The app, with its engine."""
        return cast("App", self.app)

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """A new assignment: open what is ours."""
        if generation_id == self.app.consumer_generation_id:
            self._generation_id = generation_id
            self.signal_recovery_start.set()

    def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """The engine has been suspended already."""

    @Service.task
    async def _restart_recovery(self) -> None:
        while not self.should_stop:
            if await self.wait_for_stopped(self.signal_recovery_start):  # type: ignore[arg-type]  # mode's annotation is narrower than its code
                return
            self.signal_recovery_start.clear()
            generation = self._generation_id
            try:
                await self.engine_app.engine.open_assigned(
                    self.app.consumer.assignment(), self.app.assignor.assigned_standbys(), generation
                )
                if not self.signal_recovery_start.is_set():
                    await self._resume_streams(generation)
                    self.engine_app.reason = ""
            except RefusedError as error:
                self.engine_app.refuse(str(error))
                return
            except Exception as error:
                # the broker is away, the group rebalances again: never a worker that ends for it
                log.warning("opening partitions: %s: %s; trying again", type(error).__name__, error)
                self.engine_app.reason = f"opening partitions: {type(error).__name__}: {error}"
                await asyncio.sleep(RETRY_SECONDS)
                if generation == self.app.consumer_generation_id:
                    self.signal_recovery_start.set()

    @Service.task
    async def _slurp_changelogs(self) -> None:
        """Changelogs are read when a partition is opened."""

    @Service.task
    async def _publish_stats(self) -> None:
        """There is nothing to report: opening logs what it does."""


class TableManager(FaustTableManager):
    """Faust's table manager with the engine's recovery."""

    logger = SERVICE_LOG

    @property
    def recovery(self) -> Recovery:
        """The engine's recovery."""
        if self._recovery is None:
            self._recovery = Recovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return cast(Recovery, self._recovery)

    async def on_start(self) -> None:
        """Register the tables at once: all of them are declared before the app starts."""
        if not self.should_stop:
            await self._update_channels()
            await self.recovery.start()

    async def on_stop(self) -> None:
        """Give up partitions before the consumer leaves the group."""
        await super().on_stop()
        await cast("App", self.app).engine.stop()


class GroupTable(faust.Table[Any, Any]):
    """All tables of a group, as Faust sees them: one changelog, co-partitioned with the inputs."""

    logger = SERVICE_LOG

    def __init__(self, app: Any, **options: Any) -> None:
        super().__init__(app, **options)
        self._changelog = app.topic(options["name"], internal=True, key_type=bytes, value_type=bytes)

    @property  # type: ignore[misc]  # nobody sets it
    def changelog_topic(self) -> Any:
        """The group's changelog."""
        return self._changelog

    async def on_start(self) -> None:
        """There is no store of Faust's to open."""
