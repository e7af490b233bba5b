"""The interface as an OpenAPI 3.1 document."""

import json
from importlib import resources
from typing import Any

from residual._text import format_bytes
from residual._version import __version__
from residual.engines.card import ModelCard
from residual.serving.options import ServeOptions
from residual.serving.tensors import VERSION


def describe_interface(card: ModelCard, options: ServeOptions) -> dict[str, Any]:
    """The document: assets/openapi.json with what depends on the network.

    Args:
        card: of the network.
        options: limits, and the prefix of all paths.
    """
    document = json.loads(
        resources.files("residual.serving").joinpath("assets/openapi.json").read_text("utf-8")
    )
    document["info"]["version"] = __version__
    document["info"]["description"] = (
        f"{card.name}: {card.network}, {len(card.classes)} classes. A request holds at most "
        f"{format_bytes(options.max_body)} and {options.queue} images."
    )
    document["servers"] = [{"url": options.root_path or "/"}]
    _set_constants(document, card, options)
    return document


def _set_constants(document: dict[str, Any], card: ModelCard, options: ServeOptions) -> None:
    """Names, sizes and limits of this server, in the schemas that clients generate requests from."""
    parts = document["components"]
    parts["parameters"]["name"]["schema"]["const"] = card.name
    parts["parameters"]["version"]["schema"]["const"] = VERSION
    parts["parameters"]["label"]["schema"]["enum"] = list(card.classes)
    schemas = parts["schemas"]
    schemas["ImagesJson"]["properties"]["images"]["maxItems"] = options.queue
    height, width = card.image_size
    shape = [{"minimum": 1, "maximum": options.queue}, {"const": height}, {"const": width}, {"const": 3}]
    schemas["InferInput"]["properties"]["shape"]["prefixItems"] = [
        {"type": "integer", **limits} for limits in shape
    ]
