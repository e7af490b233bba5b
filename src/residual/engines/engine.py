"""What every engine can do."""

from abc import ABC, abstractmethod

import numpy as np

from residual.engines.card import ModelCard
from residual.errors import DataError


class Engine(ABC):
    """An exported network, ready to answer.

    Several threads may ask the same engine at once.

    Attributes:
        card: what the network is and how to show it images.
        runtime: name and version of the library that computes, such as "ONNX Runtime 1.32.0".
    """

    card: ModelCard
    runtime: str

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Probabilities of images, all computed as one batch.

        Args:
            images: raw RGB, uint8 (n, height, width, 3), of the size that the card names.

        Returns:
            float32 (n, classes).

        Raises:
            DataError: for another shape or type.
        """
        self._check(images)
        if not len(images):
            return np.empty((0, len(self.card.classes)), np.float32)
        return np.asarray(self._compute(images), np.float32)

    def _check(self, images: np.ndarray) -> None:
        height, width = self.card.image_size
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != (height, width, 3):
            raise DataError(
                f"images must be uint8 (n, {height}, {width}, 3); got {images.dtype} {images.shape}."
            )

    def predict_all(self, images: np.ndarray) -> list[np.ndarray]:
        """As `predict`, and what the last layer reads, float32 (n, d), if the file gives it: one or two arrays."""
        return [self.predict(images)]

    def find_precision(self) -> str:
        """What the runtime computes most layers in: "fp32", "bf16", "int8", or its own word for another one."""
        return self.card.precision

    @abstractmethod
    def _compute(self, images: np.ndarray) -> np.ndarray:
        """(n, classes) probabilities of uint8 (n, height, width, 3), n at least 1."""
