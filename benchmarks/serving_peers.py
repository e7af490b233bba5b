"""The servers that `serving.py` compares with: what a careful person writes in twenty lines.

python benchmarks/serving_peers.py starlette|litserve network.onnx PORT
"""

import io
import json
import sys

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

NETWORK, PORT = sys.argv[1], int(sys.argv[2])


def open_network():
    """The session, the name of its input and the model card."""
    session = onnxruntime.InferenceSession(NETWORK, providers=["CPUExecutionProvider"])
    card = json.loads(session.get_modelmeta().custom_metadata_map["residual"])
    return session, session.get_inputs()[0].name, card


def decode(content: bytes, image_size: list[int]) -> np.ndarray:
    """An image as the network takes it; JPEG is decoded at a smaller scale where that is enough."""
    image = Image.open(io.BytesIO(content))
    image.draft(None, (2 * max(image_size), 2 * max(image_size)))
    image = ImageOps.exif_transpose(image).convert("RGB")
    return np.asarray(ImageOps.fit(image, (image_size[1], image_size[0]), Image.Resampling.BILINEAR))


def serve_starlette() -> None:
    """Each request runs the network for its image, in one of Starlette's threads."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    session, name, card = open_network()

    def compute(content: bytes) -> dict:
        row = session.run(None, {name: decode(content, card["image_size"])[None]})[0][0]
        return {label: float(value) for label, value in zip(card["classes"], row, strict=True)}

    async def predict(request):
        return JSONResponse(await run_in_threadpool(compute, await request.body()))

    app = Starlette(routes=[Route("/predict", predict, methods=["POST"])])
    uvicorn.run(app, port=PORT, log_level="error")


if __name__ == "__main__":
    serve_starlette()
