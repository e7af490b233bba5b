"""What holds for every request: names of the host, headers for safety, counting."""

import time
from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from residual._text import escape_control
from residual.serving.metrics import Metrics
from residual.serving.refusals import encode_error

MOST_HEAD = 16_384  # bytes; h11 counts only what has not arrived at once
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_MODELS = "/v2/models"
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Guard:
    """ASGI middleware around the whole application.

    Args:
        app: what it guards.
        hosts: names that the Host header may have, so that no web page reaches a server on this machine under a name of
            its own (DNS rebinding); None for all.
        paths: that are counted by name; all others are counted together.
        metrics: counters.
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str] | None, paths: Collection[str], metrics: Metrics):
        self._app, self._hosts, self._paths, self._metrics = app, hosts, frozenset(paths), metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            await (self._check_head(scope) or self._app)(scope, receive, send_with_headers)
        finally:
            path = scope["path"].removeprefix(scope.get("root_path", ""))
            self._metrics.requests.add(1, self._find_label(path), str(status))
            self._metrics.request_seconds.add(time.perf_counter() - started)

    def _check_head(self, scope: Scope) -> ASGIApp | None:
        """The refusal of a head that is too long or names another host; None for any other."""
        fields = sum(len(name) + len(value) for name, value in scope["headers"])
        if len(scope["raw_path"]) + len(scope["query_string"]) + fields > MOST_HEAD:
            return encode_error(431, f"The head of the request must be at most {MOST_HEAD:,} bytes.")
        host = _find_host(Headers(scope=scope))
        return None if self._hosts is None or host in self._hosts else _refuse_host(host)

    def _find_label(self, path: str) -> str:
        """What a path is counted as: clients make up paths, and each label takes memory for ever."""
        return path if path in self._paths else _MODELS if path.startswith(f"{_MODELS}/") else "other"


def _find_host(headers: Headers) -> str:
    """The Host header without its port, lower-case; "" if there is none."""
    host = headers.get("host", "").strip().lower()
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() and name else host


def _refuse_host(host: str) -> ASGIApp:
    shown = escape_control(host[:80])
    return encode_error(
        400,
        f"The Host header must name this machine, such as localhost; got {shown!r}. If the server has that name, start "
        "it with the option --allow-host.",
    )
