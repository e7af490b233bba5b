"""Limits of each connection that Uvicorn does not have: how many, how long a head may take, how long a reader may."""

import asyncio
from http import HTTPStatus

import msgspec
from uvicorn.protocols.http.h11_impl import H11Protocol


class LimitedProtocol(H11Protocol):
    """HTTP/1.1 on one connection.

    Subclasses set the limits; `limit_protocol` makes one.
    """

    max_connections = 512
    header_timeout = 10.0
    write_timeout = 30.0

    _head_timer: asyncio.TimerHandle | None = None
    _write_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Refuse a connection if there are too many; otherwise wait for a head."""
        super().connection_made(transport)  # type: ignore[arg-type]
        if len(self.connections) > self.max_connections:
            self._refuse(503, "The server has too many connections. Try again in a second.")
        else:
            self._start_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timers."""
        self._stop_head_timer()
        self._stop_write_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes: of a head, of a body, or of a body that nobody reads because its request was refused."""
        if self.transport.is_closing():
            return
        if self._head_timer is None and not self._is_answering():
            self._start_head_timer()
        super().data_received(data)

    def handle_events(self) -> None:
        """Handle what was received; the time for the head is over when a request has begun."""
        super().handle_events()
        if self._is_answering():
            self._stop_head_timer()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP."""
        self._refuse(400, "The request is not valid HTTP/1.1.")

    def pause_writing(self) -> None:
        """The client does not read: give it some time."""
        super().pause_writing()
        self._stop_write_timer()
        self._write_timer = self.loop.call_later(self.write_timeout, self.transport.abort)

    def resume_writing(self) -> None:
        """The client reads."""
        self._stop_write_timer()
        super().resume_writing()

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _start_head_timer(self) -> None:
        self._head_timer = self.loop.call_later(self.header_timeout, self._end_wait)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _stop_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _end_wait(self) -> None:
        """Close a connection whose head did not arrive, or whose refused body goes on and on."""
        if self.cycle is None:
            self._refuse(408, f"The head of the request must arrive within {self.header_timeout:g} seconds.")
        else:
            self.transport.close()

    def _refuse(self, status: int, message: str) -> None:
        """Write a response past the parser, which may be in any state, and close."""
        body = msgspec.json.encode({"error": message})
        head = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nRetry-After: 1\r\nConnection: close\r\n\r\n"
        )
        if not self.transport.is_closing():
            self.transport.write(head.encode("ascii") + body)
            self.transport.close()


def limit_protocol(connections: int, header_seconds: float, write_seconds: float) -> type[LimitedProtocol]:
    """The protocol with these limits; Uvicorn takes a class.

    Args:
        connections: open at once.
        header_seconds: until the head of a request must be complete.
        write_seconds: that a client may leave a response unread.
    """
    limits = {
        "max_connections": connections,
        "header_timeout": header_seconds,
        "write_timeout": write_seconds,
    }
    return type("Limited", (LimitedProtocol,), limits)
