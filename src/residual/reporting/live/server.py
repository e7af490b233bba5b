"""Who answers for the live page: a thread that listens on this machine alone.

It answers GET for four addresses under a word that only the printed address has; nothing in a request names a file. The
training is not asked: what is shown is read from the files of the run.
"""

import json
import secrets
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from residual.errors import RunError
from residual.reporting.live.page import format_live_page, format_state, read_asset
from residual.reporting.page import NAME, read_page
from residual.runs.folder import RunFolder

HOST = "127.0.0.1"
_MOST = 16  # requests at a time
_SLOWEST = 5.0  # seconds that a request may take to arrive
_WATCHED = 6.0  # seconds after its last question for which a page counts as open
_LINGER = 3.0  # seconds that an open page has to fetch the report
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class LivePage:
    """A page on this machine that shows a training while it runs.

    It listens as soon as it is made. Threads answer, which end with the process; signals reach the training as before.

    Args:
        port: 0 for a free one.

    Attributes:
        address: what to open in a browser.

    Raises:
        RunError: if the port is not free, or no port.
    """

    def __init__(self, port: int = 0):
        if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port < 2**16:
            raise RunError(f"live_port must be a whole number from 0 to 65535; got {port!r}.")
        self.folder: RunFolder | None = None
        self._word = secrets.token_urlsafe(8)
        self._asked = 0.0  # when a page last asked
        self._over, self._fetched = False, threading.Event()
        try:
            self._server = _Server((HOST, port), self)
        except OSError as error:
            raise RunError(
                f"live_port {port} cannot be used: {error.strerror}. Choose another, or leave it out for a free one."
            ) from None
        self.address = f"http://{HOST}:{self._server.server_port}/{self._word}/"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.2,), name="live page", daemon=True
        )
        self._thread.start()

    def follow(self, folder: RunFolder) -> None:
        """Show this run from now on.

        Args:
            folder: of the run.
        """
        self.folder = folder

    def finish(self) -> None:
        """Say that the training is over; a page that is open now gets the report, for which it has 3 seconds."""
        self._over = True
        if self._has_report() and time.monotonic() - self._asked < _WATCHED:
            self._fetched.wait(_LINGER)

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> "LivePage":
        return self

    def __exit__(self, *error: Any) -> None:
        if error[0] is None:
            self.finish()
        self.close()

    def answer(self, path: str) -> tuple[str, bytes] | None:
        """What is sent for a path: its type and the content; None if there is nothing.

        Args:
            path: as it was asked for.
        """
        start, _, name = path.partition("?")[0].rpartition("/")
        if not secrets.compare_digest(start.encode(), f"/{self._word}".encode()):
            return None
        if name == "":
            return "text/html", format_live_page(self.folder).encode()
        if name == "state.json":
            return "application/json", self._describe()
        if name in ("live.js", "live.css"):
            return "text/javascript" if name == "live.js" else "text/css", read_asset(name)
        report = read_page(self.folder.path) if name == NAME and self.folder else None
        if report is None:
            return None
        self._fetched.set()
        return "text/html", report

    def _has_report(self) -> bool:
        return self.folder is not None and read_page(self.folder.path) is not None

    def _describe(self) -> bytes:
        self._asked = time.monotonic()
        state = {
            "html": format_state(self.folder),
            "over": self._over,
            "report": self._over and self._has_report(),
        }
        return json.dumps(state).encode()


class _Server(ThreadingHTTPServer):
    """Answers a bounded number of requests at a time."""

    daemon_threads = True
    block_on_close = False  # a request that is still arriving does not hold the training's end

    def __init__(self, address: tuple[str, int], page: LivePage):
        self.page = page
        self._free = threading.BoundedSemaphore(_MOST)
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a browser that goes away is no matter of the training."""


class _Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: _Server
    server_version, sys_version = "residual", ""
    timeout = _SLOWEST

    def do_GET(self) -> None:
        if self.headers.get("Host", "") not in self._own_names():  # a page elsewhere whose name leads here
            self._send(HTTPStatus.FORBIDDEN, "text/plain", b"This page answers to its own address alone.\n")
            return
        found = self.server.page.answer(self.path)
        if found is None:
            self._send(HTTPStatus.NOT_FOUND, "text/plain", b"There is nothing here.\n")
        else:
            self._send(HTTPStatus.OK, *found)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what is no GET request: the base class has a page of its own for it, without our headers."""
        self.close_connection = True
        if code == HTTPStatus.NOT_IMPLEMENTED:  # a method without a function here
            self._send(HTTPStatus.METHOD_NOT_ALLOWED, "text/plain", b"Only GET is answered.\n", Allow="GET")
        else:
            self._send(HTTPStatus(code), "text/plain", b"This is no request that is answered here.\n")

    def _own_names(self) -> tuple[str, ...]:
        port = self.server.server_port
        return f"{HOST}:{port}", f"localhost:{port}"

    def _send(self, status: HTTPStatus, kind: str, content: bytes, **more: str) -> None:
        self.send_response(status)
        for name, value in {**_HEADERS, **more}.items():
            self.send_header(name, value)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing: the console is the training's."""
