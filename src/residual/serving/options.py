"""What `residual serve` was asked, as one checked value."""

import ipaddress
from typing import Annotated, ClassVar

from msgspec import Meta

from residual._checked import Checked, Count, Whole
from residual.errors import ResidualError

_Seconds = Annotated[float, Meta(gt=0, le=3600, description="a time above 0 and at most an hour")]
_LOCAL = ("localhost", "127.0.0.1", "[::1]")
PILLOWS_LIMIT = 89_478_485  # pixels that Pillow opens without a warning


class ServeOptions(Checked, frozen=True, kw_only=True):
    """The limits and the address of a server.

    Attributes:
        host, port: where it listens; port 0 takes any free one.
        max_body: bytes of one request.
        max_pixels: of one image, before it is scaled.
        queue: images that are accepted and not answered yet, of all requests together.
        window: seconds that a batch waits for images that are still being decoded.
        max_batch: images of one batch.
        threads: that compute one batch; 0 for as many as the processor has cores.
        max_connections: open at once.
        header_timeout: seconds until the head of a request must be complete.
        body_timeout: seconds until the body of a request must be complete, and a response must be taken.
        allow_hosts: names in the Host header beyond those of this machine. If a server listens on this machine alone
            and none is given, other names are refused; if it listens to others, all are taken.
        allow_origins: of web pages that may use the server from a browser, such as https://example.com.
        root_path: prefix that a proxy removes from paths, such as /signs.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535)] = 8000
    max_body: Annotated[int, Meta(ge=1000, le=2**31)] = 20_000_000
    max_pixels: Annotated[int, Meta(ge=1, le=PILLOWS_LIMIT)] = 64_000_000
    queue: Annotated[int, Meta(ge=1, le=100_000)] = 256
    window: Annotated[float, Meta(ge=0, le=1, description="a time from 0 to one second")] = 0.003
    max_batch: Annotated[int, Meta(ge=1, le=1024)] = 32
    threads: Whole = 0
    max_connections: Count = 512
    header_timeout: _Seconds = 10.0
    body_timeout: _Seconds = 30.0
    allow_hosts: tuple[str, ...] = ()
    allow_origins: tuple[str, ...] = ()
    root_path: str = ""

    error: ClassVar[type[ResidualError]] = ResidualError

    def __post_init__(self):
        super().__post_init__()
        if self.root_path and (not self.root_path.startswith("/") or self.root_path.endswith("/")):
            self.refuse("root_path", "a path such as /signs", self.root_path)
        for origin in self.allow_origins:
            if origin != "*" and "://" not in origin:
                self.refuse("allow_origins", 'origins such as "https://example.com", or "*"', origin)

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches the server."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def hosts(self) -> frozenset[str] | None:
        """The names that a Host header may have, lower-case and without port; None for all."""
        if not self.is_local and not self.allow_hosts:
            return None
        own = f"[{self.host}]" if ":" in self.host else self.host
        return frozenset(name.lower() for name in (*_LOCAL, own, *self.allow_hosts))
