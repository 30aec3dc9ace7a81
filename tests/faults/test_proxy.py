"""A link lets through, holds back, delivers late and slows down; nothing on it is ever lost or changed."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.faults.proxy import Network
from tests.support.kafka import free_port

HELD_SECONDS = 0.3


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that sends back what it gets."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=answer, args=(server.accept()[0],), daemon=True).start()

        def answer(client: socket.socket) -> None:
            with client, contextlib.suppress(OSError):
                while got := client.recv(1 << 16):
                    client.sendall(got)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def network(echo: int) -> Iterator[Network]:
    with Network([free_port()]) as network:
        network.links[0].target = echo
        yield network


@pytest.fixture
def client(network: Network) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", network.links[0].port), timeout=10) as client:
        client.sendall(b"hello")
        assert client.recv(5) == b"hello"
        yield client


def is_silent(client: socket.socket) -> bool:
    """Whether nothing comes for a moment."""
    client.settimeout(HELD_SECONDS)
    try:
        return not client.recv(1)
    except TimeoutError:
        return True
    finally:
        client.settimeout(10)


def received(client: socket.socket, count: int) -> bytes:
    got = b""
    while len(got) < count:
        got += client.recv(1 << 16)
    return got


def test_a_cut_link_holds_back_and_delivers_when_it_is_healed(network: Network, client: socket.socket) -> None:
    network.cut(0)
    client.sendall(b"late")
    assert is_silent(client)
    network.heal(0)
    assert received(client, 4) == b"late"


def test_who_connects_while_the_link_is_cut_waits(network: Network) -> None:
    network.cut(0)
    with socket.create_connection(("127.0.0.1", network.links[0].port), timeout=10) as client:
        client.sendall(b"hello")
        assert is_silent(client)
        network.heal(0)
        assert received(client, 5) == b"hello"


def test_a_slow_link_delays_and_changes_nothing(network: Network, client: socket.socket) -> None:
    sent = bytes(range(256)) * 4_000
    network.slow(0, 0.1)
    begun = time.monotonic()
    threading.Thread(target=client.sendall, args=(sent,), daemon=True).start()
    assert received(client, len(sent)) == sent
    assert time.monotonic() - begun >= 0.2  # there and back


def test_clients_notice_when_nobody_is_behind_the_link(network: Network) -> None:
    network.links[0].target = free_port()
    with socket.create_connection(("127.0.0.1", network.links[0].port), timeout=10) as client:
        assert client.recv(1) == b""
