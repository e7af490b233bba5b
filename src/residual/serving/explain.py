"""POST /explain: where the network looked."""

import asyncio
import base64
import io
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from residual.serving.bodies import read_asked
from residual.serving.occlusion import average_drops, cover_parts
from residual.serving.refusals import Refusal, encode_json
from residual.serving.service import Service

_PIECE = 16  # copies that are computed at a time, so that predictions come in between
_MOST_WAITING = 8  # explanations at once, one of which is computed


class Explainer:
    """Computes one explanation at a time, so that predictions keep most of the engine.

    Args:
        service: what it computes with.
    """

    def __init__(self, service: Service):
        self._service = service
        self._turn, self._waiting = asyncio.Lock(), 0

    async def answer(self, request: Request) -> Response:
        """The map of one image."""
        if self._waiting >= _MOST_WAITING:
            raise Refusal(503, "Too many explanations are being computed. Try again in a second.")
        self._waiting += 1
        try:
            async with read_asked(request, self._service) as asked:
                if len(asked.uploads) > 1:
                    raise Refusal(
                        422, f"Only one image can be explained at a time; got {len(asked.uploads)}."
                    )
                index = self._find_class(asked.label)
                image = (await self._service.decode(asked.uploads))[0]
            async with self._turn:
                return encode_json(await self._explain(image, index))
        finally:
            self._waiting -= 1

    def _find_class(self, label: str | None) -> int | None:
        classes = self._service.card.classes
        if label is None:
            return None
        if label not in classes:
            raise Refusal(422, "label must be one of the classes of the network; GET model lists them.")
        return classes.index(label)

    async def _explain(self, image: np.ndarray, index: int | None) -> dict[str, Any]:
        service = self._service
        row = (await service.compute(image[None]))[0]
        chosen = int(row.argmax()) if index is None else index
        copies, cells = await service.work(cover_parts, image)
        size = min(_PIECE, service.options.queue)
        pieces = [copies[start : start + size] for start in range(0, len(copies), size)]
        covered = np.concatenate([(await service.compute(piece))[:, chosen] for piece in pieces])
        drops = average_drops(row[chosen] - covered, cells)
        return {
            "model": service.card.name,
            "label": service.card.classes[chosen],
            "probability": float(row[chosen]),
            "drops": drops.tolist(),
            "seen": await service.work(_encode_png, image),
        }


def _encode_png(image: np.ndarray) -> str:
    """A data URL of an image as the network sees it."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
