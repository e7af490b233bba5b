"""What all routes share: the engine, its batches, threads that decode, limits and counters."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from PIL import Image

from residual.backend.processor import count_usable_cores
from residual.data.image_file import read_image
from residual.data.preprocessing import Preprocessing, prepare_image
from residual.engines.engine import Engine
from residual.errors import DataError
from residual.serving.batching import Batcher
from residual.serving.metrics import Metrics
from residual.serving.options import ServeOptions
from residual.serving.refusals import Refusal
from residual.serving.uploads import Upload
from residual.serving.verdict import Viewer
from residual.trust.facts import TrustFacts

_BODIES = 8  # largest bodies that are held at once
_PIXEL = b"P6 1 1 255 \0\0\0"  # an image file
_T = TypeVar("_T")


class Service:
    """One network that is served.

    Attributes:
        engine, card: the network and what it is.
        options: limits.
        viewer: judges answers.
        batcher: has images computed.
        metrics: counters.
        held_bytes: of bodies, all requests together.

    Args:
        engine: the network.
        options: limits.
        facts: by which answers are judged, beside those of the card.
    """

    def __init__(self, engine: Engine, options: ServeOptions, facts: TrustFacts | None = None):
        self.engine, self.card, self.options = engine, engine.card, options
        self.metrics = Metrics(
            name=self.card.name,
            network=self.card.network,
            precision=self.card.precision,
            runtime=engine.runtime,
        )
        self.metrics.queue_limit.value = options.queue
        self.viewer = Viewer(engine, facts)
        self.batcher = Batcher(
            self.viewer.compute, options.max_batch, options.queue, options.window, self.metrics.add_batch
        )
        self.held_bytes = 0
        table = self.card.preprocessing
        self._preprocessing = None if table is None else Preprocessing.from_dict(table)
        self._decoders = ThreadPoolExecutor(max(2, count_usable_cores()), thread_name_prefix="decoder")

    def start(self) -> None:
        """Decode and compute one image, so that the first request does not wait for what is done once, and start."""
        self.viewer.compute(read_image(_PIXEL, self.card.image_size)[None])
        self.batcher.start()

    def close(self) -> None:
        """Finish what was accepted."""
        self.batcher.close()
        self._decoders.shutdown()

    @property
    def max_held_bytes(self) -> int:
        """Bytes of bodies that are held at once."""
        return _BODIES * self.options.max_body

    async def work(self, function: Callable[..., _T], *arguments: object) -> _T:
        """The result of a function that one of the decoding threads calls."""
        return await asyncio.get_running_loop().run_in_executor(self._decoders, function, *arguments)

    async def decode(self, uploads: Sequence[Upload]) -> np.ndarray:
        """Images as `residual predict` shows them to the network: uint8 (n, height, width, 3).

        Raises:
            Refusal: 422 if one cannot be read.
        """
        images = await asyncio.gather(*(self.work(self._decode_one, upload) for upload in uploads))
        return np.stack(images)

    def _decode_one(self, upload: Upload) -> np.ndarray:
        try:
            image = read_image(
                upload.content,
                self.card.image_size if self._preprocessing is None else None,
                name=upload.name,
                white=self.card.white,
                max_pixels=self.options.max_pixels,
            )
        except DataError as problem:
            raise Refusal(422, str(problem)) from None
        if self._preprocessing is None:
            return image
        return np.rint(prepare_image(Image.fromarray(image), self._preprocessing)).astype(np.uint8)

    async def predict(self, uploads: Sequence[Upload]) -> np.ndarray:
        """What the network says of encoded images, as `Viewer.compute` gives it.

        Raises:
            Refusal: if one cannot be read, or the queue is full.
        """
        with self.batcher.take_places(len(uploads)) as places:
            return await places.predict(await self.decode(uploads))

    async def compute(self, images: np.ndarray) -> np.ndarray:
        """Probabilities (n, classes) of images that are decoded, uint8 (n, height, width, 3).

        Raises:
            Refusal: if the queue is full.
        """
        with self.batcher.take_places(len(images)) as places:
            return (await places.predict(images))[:, :-1]
