"""POST /predict: what is on images."""

from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from residual.engines.card import ModelCard
from residual.serving.bodies import read_asked
from residual.serving.refusals import encode_json
from residual.serving.service import Service
from residual.serving.verdict import describe_verdict


async def predict(request: Request) -> Response:
    """Labels and probabilities of one image or many."""
    service: Service = request.app.state.service
    async with read_asked(request, service) as asked:
        probabilities = await service.predict(asked.uploads)
    service.metrics.images.add(len(probabilities))
    rows = zip(asked.uploads, probabilities, strict=True)
    answers = [describe_image(service.card, upload.name, row, asked.top) for upload, row in rows]
    return encode_json({"model": service.card.name, "predictions": answers})


def describe_image(card: ModelCard, name: str, row: np.ndarray, top: int | None) -> dict[str, Any]:
    """One entry of the answer.

    Args:
        card: of the network.
        name: of the image.
        row: probabilities (classes,).
        top: how many labels; None for all.
    """
    order = np.argsort(-row, kind="stable")[:top]
    probabilities = {card.classes[index]: float(row[index]) for index in order}
    label = card.classes[int(order[0])]
    verdict = describe_verdict(card, row)
    return {
        "image": name,
        "label": label,
        "probability": probabilities[label],
        "probabilities": probabilities,
        **({"verdict": verdict} if verdict is not None else {}),
    }
