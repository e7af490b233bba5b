"""residual serve: a network behind HTTP, with a page."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from residual.cli._shared import JSON, complete_run, console, print_json, print_line
from residual.errors import RunError

if TYPE_CHECKING:
    from residual.engines.engine import Engine

EXAMPLE = "residual serve first-try --port 8080"


def run(
    run_or_exported: str = typer.Argument(
        ...,
        metavar="RUN_OR_EXPORTED_FILE",
        help="Name or folder of a run, or a file that residual export wrote.",
        autocompletion=complete_run,
    ),
    host: str = typer.Option(
        "127.0.0.1", metavar="ADDRESS", help="Where to listen; 0.0.0.0 lets other machines in."
    ),
    port: int = typer.Option(8000, help="Where to listen; 0 takes any free port."),
    samples: Path = typer.Option(None, metavar="FOLDER", help="Folder of images that the page offers."),
    threads: int = typer.Option(
        0, help="Threads that compute a batch; 0 for as many as the processor has cores."
    ),
    max_batch: int = typer.Option(32, help="Most images of a batch."),
    window: str = typer.Option(
        "3ms", metavar="TIME", help="How long a batch waits for images that are being decoded."
    ),
    queue: int = typer.Option(256, help="Most images that are accepted and not answered yet."),
    max_body: str = typer.Option("20MB", metavar="SIZE", help="Largest request."),
    max_pixels: int = typer.Option(32_000_000, help="Most pixels of an image, before it is scaled."),
    max_connections: int = typer.Option(512, help="Most connections at once."),
    header_timeout: str = typer.Option("10s", metavar="TIME", help="Time for the head of a request."),
    body_timeout: str = typer.Option("30s", metavar="TIME", help="Time for the body of a request."),
    allow_hosts: list[str] = typer.Option(
        None, "--allow-host", metavar="NAME", help="A name of this server, beside those of this machine."
    ),
    allow_origins: list[str] = typer.Option(
        None, "--allow-origin", metavar="ORIGIN", help="A site whose pages may use this server, or *."
    ),
    root_path: str = typer.Option("", metavar="PATH", help="Prefix that your proxy removes, such as /signs."),
    as_json: bool = JSON,
):
    """Serve a network over HTTP, with a page to drop images on.

    The server computes with the network's exported file, so it starts in about a second and loads no Keras. It answers
    POST /predict and the Open Inference Protocol, and describes itself at /docs. Only this machine reaches it, unless
    you set --host. Ctrl-C or SIGTERM stops it after it has answered what it accepted.
    """
    try:
        import python_multipart  # noqa: F401
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise RunError(
            f"residual serve needs {error.name}. Install it with pip install 'residual-learning[serve]'."
        ) from None
    from residual.serving.options import ServeOptions
    from residual.serving.quantities import parse_bytes, parse_seconds

    options = ServeOptions(
        host=host,
        port=port,
        max_body=parse_bytes("max_body", max_body),
        max_pixels=max_pixels,
        queue=queue,
        window=parse_seconds("window", window),
        max_batch=max_batch,
        threads=threads,
        max_connections=max_connections,
        header_timeout=parse_seconds("header_timeout", header_timeout),
        body_timeout=parse_seconds("body_timeout", body_timeout),
        allow_hosts=tuple(allow_hosts or ()),
        allow_origins=tuple(allow_origins or ()),
        root_path=root_path,
    )
    from residual.serving.server import serve

    out = console()

    def announce(engine: "Engine", address: str) -> None:
        card = engine.card
        if as_json:
            print_json({"url": address, "runtime": engine.runtime, **card.to_dict()})
            return
        print_line(out, f"{card.name}: {card.network}, {len(card.classes)} classes, {engine.runtime}")
        print_line(out, f"serving at {address}  (Ctrl-C stops)")

    serve(run_or_exported, options, samples, announce)
