"""Faust's aiohttp server without Faust's own routes, which serve table data to everybody."""

import socket
from typing import Any, ClassVar

from aiohttp.web import AppRunner, SockSite
from faust.web.drivers.aiohttp import Web as FaustWeb

from freshmart_streams.engine.logs import SERVICE_LOG

SHUTDOWN_SECONDS = 3.0


class PortInUseError(Exception):
    """The port is taken. The text is one clear line."""


def bind(host: str, port: int) -> socket.socket:
    """Take the port before anything else is started.

    Raises:
        PortInUseError: another process has it, or it may not be taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    taken = socket.socket(family, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((host, port))
        taken.listen()  # until then Linux lets others bind it too
    except OSError as error:
        taken.close()
        raise PortInUseError(
            f"port {port} on {host} cannot be used: {error.strerror}; choose another with FRESHMART_WEB_PORT"
        ) from error
    taken.setblocking(False)
    return taken


class Web(FaustWeb):
    """The web server of a worker: no blueprints, a socket that is bound already, a short shutdown."""

    logger = SERVICE_LOG

    default_blueprints: ClassVar[Any] = []
    production_blueprints: ClassVar[Any] = []
    debug_blueprints: ClassVar[Any] = []
    optional_blueprints: ClassVar[Any] = []
    listening: "socket.socket | None" = None

    def __init__(self, app: Any, **options: Any) -> None:
        super().__init__(app, **options)
        self._runner = AppRunner(self.web_app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS, keepalive_timeout=15)

    def _new_transport_tcp(self) -> Any:
        if self.listening is None:
            return super()._new_transport_tcp()
        return SockSite(self._runner, self.listening)
