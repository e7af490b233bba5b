"""POST /predict: what is on images."""

from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from residual.engines.card import ModelCard
from residual.serving.bodies import read_asked
from residual.serving.refusals import encode_json
from residual.serving.service import Service
from residual.trust.judge import Verdict


async def predict(request: Request) -> Response:
    """Labels and probabilities of one image or many."""
    service: Service = request.app.state.service
    async with read_asked(request, service) as asked:
        rows = await service.predict(asked.uploads)
    service.metrics.images.add(len(rows))
    verdicts = service.viewer.judge(rows) or [None] * len(rows)
    answers = [
        describe_image(service.card, upload.name, row[:-1], asked.top, verdict)
        for upload, row, verdict in zip(asked.uploads, rows, verdicts, strict=True)
    ]
    return encode_json({"model": service.card.name, "predictions": answers})


def describe_image(
    card: ModelCard, name: str, row: np.ndarray, top: int | None, verdict: Verdict | None
) -> dict[str, Any]:
    """One entry of the answer.

    Args:
        card: of the network.
        name: of the image.
        row: probabilities (classes,).
        top: how many labels; None for all.
        verdict: on the answer; None if nothing is known to judge it by.
    """
    order = np.argsort(-row, kind="stable")[:top]
    probabilities = {card.classes[index]: float(row[index]) for index in order}
    label = card.classes[int(order[0])]
    return {
        "image": name,
        "label": label,
        "probability": probabilities[label],
        "probabilities": probabilities,
        **({} if verdict is None else verdict.to_dict()),
    }
