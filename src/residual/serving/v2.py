"""The Open Inference Protocol, version 2: what KServe's and Triton's clients speak."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from residual._version import __version__
from residual.engines.card import ModelCard
from residual.serving.bodies import read_body
from residual.serving.refusals import Refusal, encode_json
from residual.serving.service import Service
from residual.serving.tensors import HEADER, INPUT, OUTPUT, VERSION, encode_inference, parse_inference

_PLATFORMS = {"onnx": "onnxruntime_onnx"}  # what the protocol calls a format


def list_v2_routes() -> list[Route]:
    """The routes of the protocol, with and without the version of the network."""
    routes = [
        Route("/v2", describe_server),
        Route("/v2/health/live", answer_health),
        Route("/v2/health/ready", answer_health),
    ]
    for path in ("/v2/models/{name}", "/v2/models/{name}/versions/{version}"):
        routes += [
            Route(path, describe_model),
            Route(f"{path}/ready", answer_ready),
            Route(f"{path}/infer", infer, methods=["POST"]),
        ]
    return routes


async def answer_health(request: Request) -> Response:
    """An empty 200: a server that answers is ready."""
    return encode_json({})


async def describe_server(request: Request) -> Response:
    """Name, version and extensions of the server."""
    return encode_json({"name": "residual", "version": __version__, "extensions": ["binary_tensor_data"]})


async def answer_ready(request: Request) -> Response:
    """An empty 200 for the network that is served."""
    _find_card(request)
    return encode_json({})


def _find_card(request: Request) -> ModelCard:
    """The card of the network that a path names.

    Raises:
        Refusal: 404 if another network or version is named.
    """
    card: ModelCard = request.app.state.service.card
    asked = request.path_params["name"], request.path_params.get("version", VERSION)
    if asked != (card.name, VERSION):
        raise Refusal(404, f"The only network here is {card.name}, version {VERSION}.")
    return card


async def describe_model(request: Request) -> Response:
    """Inputs and outputs of the network."""
    card = _find_card(request)
    return encode_json(
        {
            "name": card.name,
            "versions": [VERSION],
            "platform": _PLATFORMS.get(card.exported_to, card.exported_to),
            "inputs": [{"name": INPUT, "datatype": "UINT8", "shape": [-1, *card.image_size, 3]}],
            "outputs": [{"name": OUTPUT, "datatype": "FP32", "shape": [-1, len(card.classes)]}],
        }
    )


async def infer(request: Request) -> Response:
    """Probabilities of images that the client has decoded and scaled."""
    service: Service = request.app.state.service
    _find_card(request)
    service.batcher.check_room()
    async with read_body(request, service) as body:
        header = request.headers.get(HEADER)
        asked = await service.work(parse_inference, body, header, service.card, service.options.queue)
        probabilities = await service.compute(asked.images)
    service.metrics.images.add(len(probabilities))
    content, length = await service.work(encode_inference, asked, probabilities, service.card)
    if length is None:
        return Response(content, media_type="application/json")
    return Response(content, headers={HEADER: str(length)}, media_type="application/octet-stream")
