"""A prediction server on a free port of this machine, in a thread of the test."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

from residual.engines.engine import Engine
from residual.serving.options import ServeOptions
from residual.serving.server import Server, open_socket


@contextlib.contextmanager
def run_server(engine: Engine, **options) -> Iterator[tuple[int, Server]]:
    """Yield the port of a server, and the server; it has stopped when the block ends.

    Args:
        engine: the network.
        options: of `ServeOptions`.
    """
    asked, ready = ServeOptions(port=0, **options), threading.Event()
    with open_socket(asked) as listening:
        server = Server(engine, asked, announce=ready.set)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            assert ready.wait(20), "the server does not start"
            yield listening.getsockname()[1], server
        finally:
            server.should_exit = True
            thread.join(20)
    assert not thread.is_alive()


def exchange(port: int, content: bytes, patience: float = 10) -> bytes:
    """Send bytes to a port of this machine; all that comes back until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", port), patience) as connection:
        with contextlib.suppress(ConnectionError):  # it may answer and close before it has read everything
            connection.sendall(content)
        return read_all(connection)


def read_all(connection: socket.socket) -> bytes:
    """What comes until the other side closes."""
    received = b""
    with contextlib.suppress(ConnectionError):
        while chunk := connection.recv(65_536):
            received += chunk
    return received


def wait_until(condition, patience: float = 10) -> None:
    """Wait until a function returns true."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, "it did not become true"
        time.sleep(0.01)
