"""What a browser gets: the page, its style and script, the documentation, sample images."""

import functools
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import jinja2
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from residual._text import format_bytes
from residual.data.image_file import Unreadable, decode_image
from residual.engines.card import ModelCard
from residual.errors import DataError
from residual.serving.openapi import describe_interface
from residual.serving.options import ServeOptions
from residual.serving.refusals import Refusal

MOST_SAMPLES = 12
_MOST_SAMPLE = 10_000_000  # bytes of a file
_SHOWN = {  # formats that browsers show
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "BMP": "image/bmp",
    "AVIF": "image/avif",
}
_FILES = {
    "page.css": "text/css",
    "page.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}


@dataclass(frozen=True)
class Sample:
    """An image that the page offers: its name, its file's bytes and their type."""

    name: str
    content: bytes
    kind: str


def read_samples(folder: Path) -> tuple[Sample, ...]:
    """The first images of a folder, by name, that a browser can show. Other files are passed over.

    Raises:
        DataError: if there is no such folder, or no image in it.
    """
    if not folder.is_dir():
        raise DataError(f"`samples` must be a folder of images; there is no folder {folder}.")
    found = []
    for file in sorted(folder.iterdir()):
        if len(found) < MOST_SAMPLES and file.is_file() and file.stat().st_size <= _MOST_SAMPLE:
            found += _read_sample(file)
    if not found:
        raise DataError(f"`samples` must be a folder of images; {folder} has none that can be read.")
    return tuple(found)


def _read_sample(file: Path) -> list[Sample]:
    content = file.read_bytes()
    try:
        _, name = decode_image(content, (8, 8))
    except Unreadable:
        return []
    return [Sample(file.stem, content, _SHOWN[name])] if name in _SHOWN else []


class Page:
    """The pages of a server, made once.

    Args:
        card: of the network.
        options: limits.
        runtime: that computes.
        samples: images that the page offers.
    """

    def __init__(self, card: ModelCard, options: ServeOptions, runtime: str, samples: tuple[Sample, ...]):
        self._samples = samples
        templates = jinja2.Environment(
            loader=jinja2.FunctionLoader(_read_asset),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        shared = {"card": card, "runtime": runtime, "samples": samples}
        self._page = templates.get_template("page.html.jinja").render(
            **shared, max_body=options.max_body, max_body_text=format_bytes(options.max_body)
        )
        self._docs = templates.get_template("docs.html.jinja").render(
            **shared, document=describe_interface(card, options)
        )

    def list_routes(self) -> list[Route]:
        """The routes of what a browser gets."""
        files = [Route(f"/assets/{name}", _serve_file(name, kind)) for name, kind in _FILES.items()]
        return [
            Route("/", self.show_page),
            Route("/docs", self.show_docs),
            Route("/samples/{number:int}", self.show_sample),
            *files,
        ]

    async def show_page(self, request: Request) -> Response:
        """The page to drop images on."""
        return Response(self._page, media_type="text/html")

    async def show_docs(self, request: Request) -> Response:
        """The interface, described for people."""
        return Response(self._docs, media_type="text/html")

    async def show_sample(self, request: Request) -> Response:
        """One of the sample images."""
        number = request.path_params["number"]
        if number >= len(self._samples):
            raise Refusal(404, f"There are {len(self._samples)} sample images, from 0.")
        sample = self._samples[number]
        return Response(sample.content, media_type=sample.kind)


@functools.cache
def _read_asset(name: str) -> str:
    return resources.files("residual.serving").joinpath("assets", name).read_text("utf-8")


def _serve_file(name: str, kind: str):
    async def show_file(request: Request) -> Response:
        return Response(_read_asset(name), media_type=kind, headers={"Cache-Control": "no-cache"})

    return show_file
