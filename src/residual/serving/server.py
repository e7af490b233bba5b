"""The process that serves: opens the network, listens, stops when it is asked to."""

import logging
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import uvicorn

from residual.engines import ENGINES, open_engine
from residual.engines.engine import Engine
from residual.engines.onnx import OnnxEngine
from residual.errors import ResidualError, RunError
from residual.runs.find import find_run
from residual.serving.app import make_app
from residual.serving.guard import MOST_HEAD
from residual.serving.options import ServeOptions
from residual.serving.page import read_samples
from residual.serving.protocol import limit_protocol
from residual.trust.facts import TrustFacts, load_facts

_KEEP_ALIVE = 5  # seconds that a connection may be idle
_BACKLOG = 128


def find_engine_file(run_or_file: str) -> Path:
    """The exported network of a run, or the file itself.

    Args:
        run_or_file: name or folder of a run, or a file that `residual export` wrote.

    Raises:
        RunError: if there is no such run or file, or the run has no exported network.
    """
    if Path(run_or_file).suffix.lower() in ENGINES:
        return Path(run_or_file)
    folder = find_run(run_or_file)
    if not folder.engine.is_file():
        raise RunError(
            f"{folder.path} has no {folder.engine.name}, which the server computes with. Export the run with residual "
            f"export {run_or_file}, and serve the file that this writes."
        )
    return folder.engine


def open_quiet_engine(file: Path, threads: int) -> Engine:
    """Open an exported network whose threads do not spin between batches: images are decoded on the same cores.

    Args:
        file: that `residual export` wrote.
        threads: that compute one batch; 0 for as many as the processor has cores.

    Raises:
        RunError: if it cannot be opened.
    """
    if file.suffix.lower() == ".onnx" and file.is_file():
        return OnnxEngine(file, threads, spin=False)
    return open_engine(file, threads)


def open_socket(options: ServeOptions) -> socket.socket:
    """A socket that is bound to the address of the options.

    Raises:
        ResidualError: if the address is taken, is not one of this machine, or may not be used.
    """
    try:
        family, *_, address = socket.getaddrinfo(options.host, options.port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except OSError as error:
        raise ResidualError(
            f"The server cannot listen on `host` {options.host}, `port` {options.port}: {error.strerror or error}. "
            "Choose another `port`, or port 0 for any free one."
        ) from None


class Server(uvicorn.Server):
    """Uvicorn with its signals handled as the other verbs do.

    Attributes:
        stopped_by: the number of the signal that ended it.

    Args:
        engine: the network.
        options: limits.
        samples: folder of images that the page offers; None for none.
        facts: by which answers are judged, beside those of the card.
        announce: called when the server accepts requests.
    """

    def __init__(
        self,
        engine: Engine,
        options: ServeOptions,
        samples: Path | None = None,
        facts: TrustFacts | None = None,
        announce: Callable[[], None] = lambda: None,
    ):
        protocol = limit_protocol(options.max_connections, options.header_timeout, options.body_timeout)
        shown = () if samples is None else read_samples(samples)
        config = uvicorn.Config(
            make_app(engine, options, shown, facts),
            http=protocol,
            ws="none",
            loop="asyncio",
            lifespan="on",
            log_config=None,
            log_level="error",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            root_path=options.root_path,
            timeout_keep_alive=_KEEP_ALIVE,
            timeout_graceful_shutdown=round(2 * options.body_timeout),
            h11_max_incomplete_event_size=MOST_HEAD,
        )
        # It warns of each damaged form, so that anybody could fill the log.
        logging.getLogger("python_multipart").setLevel(logging.ERROR)
        super().__init__(config)
        self._announce = announce
        self.stopped_by: int | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to accept requests, and say so."""
        await super().startup(sockets)
        self._announce()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop after what was accepted is answered; a second Ctrl-C stops at once.

        Uvicorn's own method remembers the signal and raises it again at the end, which ends the process by the signal.
        """
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit, self.stopped_by = True, sig


def serve(
    run_or_file: str,
    options: ServeOptions,
    samples: Path | None = None,
    announce: Callable[[Engine, str], None] = lambda engine, address: None,
) -> None:
    """Serve a network until the process is asked to stop.

    Args:
        run_or_file: as `find_engine_file` takes it.
        options: address and limits.
        samples: folder of images that the page offers; None for none.
        announce: called with the engine and the server's address when it accepts requests.

    Raises:
        RunError: if there is no such network.
        DataError: if there are no images in the folder of samples.
        ResidualError: if the address cannot be used.
        SystemExit: with code 143, after SIGTERM.
    """
    file = find_engine_file(run_or_file)
    engine, facts = open_quiet_engine(file, options.threads), load_facts(file.parent)
    with open_socket(options) as listening:
        host = f"[{options.host}]" if ":" in options.host else options.host
        address = f"http://{host}:{listening.getsockname()[1]}{options.root_path}"
        server = Server(engine, options, samples, facts, lambda: announce(engine, address))
        server.run(sockets=[listening])
    if server.stopped_by == signal.SIGTERM:
        raise SystemExit(128 + signal.SIGTERM)
