"""Requests and responses of the Open Inference Protocol: tensors as JSON, or as bytes after the JSON.

Source: "Open Inference Protocol" (kserve/open-inference-protocol, inference_rest.md), and Triton's extension for
binary tensors (protocol/extension_binary_data.md).
"""

from typing import Any

import msgspec
import numpy as np

from residual.engines.card import ModelCard
from residual.serving.refusals import Refusal

INPUT, OUTPUT, VERSION = "image", "probabilities", "1"
HEADER = "Inference-Header-Content-Length"  # bytes of JSON before the binary tensors


class _Input(msgspec.Struct):
    name: str
    shape: list[int]
    datatype: str
    data: Any = None
    parameters: dict[str, Any] = {}


class _Output(msgspec.Struct):
    name: str
    parameters: dict[str, Any] = {}


class _Request(msgspec.Struct):
    inputs: list[_Input]
    id: str = ""
    outputs: list[_Output] = []
    parameters: dict[str, Any] = {}


class Inference(msgspec.Struct):
    """What a request asks.

    Attributes:
        id: the client's name for the request; "" if it has none.
        images: uint8 (n, height, width, 3).
        binary: whether the answer is bytes.
    """

    id: str
    images: np.ndarray
    binary: bool


def parse_inference(body: bytes, header: str | None, card: ModelCard, most: int) -> Inference:
    """The images of a request.

    Args:
        body: JSON, and what follows it.
        header: how many bytes of it are JSON; None for all.
        card: of the network.
        most: images allowed.

    Raises:
        Refusal: 400 for anything that is not such a request, 413 for too many images.
    """
    split = _parse_length(header, len(body))
    try:
        request = msgspec.json.decode(memoryview(body)[:split], type=_Request)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Refusal(400, f"The request must be JSON of the Open Inference Protocol ({error}).") from None
    if len(request.inputs) != 1 or request.inputs[0].name != INPUT:
        raise Refusal(400, f"The request must have one input with the name {INPUT}.")
    binary = _wants_binary(request)
    images = _read_images(request.inputs[0], memoryview(body)[split:], card, most)
    return Inference(request.id, images, binary)


def _parse_length(header: str | None, length: int) -> int:
    if header is None:
        return length
    if not (header.isascii() and header.isdigit() and len(header) < 20 and int(header) <= length):
        raise Refusal(400, f"{HEADER} must be at most the length of the body; got {header[:40]!r}.")
    return int(header)


def _wants_binary(request: _Request) -> bool:
    """Whether the one output is asked for as bytes."""
    binary = request.parameters.get("binary_data_output", False)
    for output in request.outputs:
        if output.name != OUTPUT or len(request.outputs) > 1:
            raise Refusal(400, f"The request may ask for one output, {OUTPUT}.")
        if set(output.parameters) - {"binary_data"}:
            raise Refusal(
                400, f"The output may have the parameter binary_data; got {sorted(output.parameters)}."
            )
        binary = output.parameters.get("binary_data", binary)
    if not isinstance(binary, bool):
        raise Refusal(400, "binary_data must be true or false.")
    return binary


def _read_images(given: _Input, rest: memoryview, card: ModelCard, most: int) -> np.ndarray:
    height, width = card.image_size
    if given.datatype != "UINT8":
        raise Refusal(400, f"The datatype of {INPUT} must be UINT8; got {given.datatype[:40]!r}.")
    if len(given.shape) != 4 or given.shape[1:] != [height, width, 3] or given.shape[0] < 1:
        raise Refusal(400, f"The shape of {INPUT} must be [n, {height}, {width}, 3]; got {given.shape[:8]}.")
    if given.shape[0] > most:
        raise Refusal(413, f"One request may hold at most {most} images; got {given.shape[0]}.")
    values = (
        _read_bytes(given, rest) if "binary_data_size" in given.parameters else _read_numbers(given, rest)
    )
    if len(values) != given.shape[0] * height * width * 3:
        raise Refusal(400, f"The data of {INPUT} must have as many values as its shape; got {len(values)}.")
    return values.reshape(given.shape)


def _read_bytes(given: _Input, rest: memoryview) -> np.ndarray:
    size = given.parameters["binary_data_size"]
    if not isinstance(size, int) or isinstance(size, bool) or size != len(rest) or given.data is not None:
        raise Refusal(400, f"binary_data_size must be the bytes after the JSON, {len(rest)}.")
    return np.frombuffer(rest, np.uint8)


def _read_numbers(given: _Input, rest: memoryview) -> np.ndarray:
    if len(rest):
        raise Refusal(400, f"{len(rest)} bytes follow the JSON, but no input has binary_data_size.")
    try:
        values = np.asarray(given.data)
    except (ValueError, RecursionError):  # lists of different lengths
        values = np.empty(0, object)
    if not isinstance(given.data, list) or values.dtype.kind not in "iu":
        raise Refusal(400, f"The data of {INPUT} must be a list of whole numbers, flat or of its shape.")
    if values.size and (values.min() < 0 or values.max() > 255):
        raise Refusal(400, f"The data of {INPUT} must be whole numbers from 0 to 255.")
    return values.astype(np.uint8).ravel()


def encode_inference(
    asked: Inference, probabilities: np.ndarray, card: ModelCard
) -> tuple[bytes, int | None]:
    """The body of the answer, and how many of its bytes are JSON; None if all are.

    Args:
        asked: the request.
        probabilities: (n, classes).
        card: of the network.
    """
    output: dict[str, Any] = {"name": OUTPUT, "datatype": "FP32", "shape": list(probabilities.shape)}
    content = np.ascontiguousarray(probabilities, "<f4").tobytes() if asked.binary else b""
    if asked.binary:
        output["parameters"] = {"binary_data_size": len(content)}
    else:
        output["data"] = probabilities.ravel().tolist()
    answer = {"model_name": card.name, "model_version": VERSION, "outputs": [output]}
    head = msgspec.json.encode({**answer, "id": asked.id} if asked.id else answer)
    return head + content, len(head) if asked.binary else None
