"""The features of images by the body of a trained network, each image computed once."""

import keras
import numpy as np

from residual.data.images import Images
from residual.embedding.cache import FeatureCache
from residual.embedding.extract import make_extractor
from residual.models.transfer import build_body
from residual.training.batch_norm import hash_weights


class FeatureReader:
    """Computes features, or finds them in the cache.

    Args:
        model: a classifier; its body does not change from here on.
        size: (height, width) of the images.
        sample: a few images, uint8 (n, height, width, 3), on which an engine is compared with Keras.

    Attributes:
        width: features of an image.
        computed_by: the library, such as "ONNX Runtime 1.32.0".
        asked, known: images whose features were asked for, and of those whose features were known before.
    """

    def __init__(self, model: keras.Model, size: tuple[int, int], sample: np.ndarray):
        body = build_body(model)
        self._extract, self.computed_by = make_extractor(body, size, sample)
        runtime = self.computed_by.split(" (")[0].replace(" ", "-").lower()
        self._cache = FeatureCache(f"{hash_weights(body)[:32]}-{size[1]}x{size[0]}-{runtime}")
        self.width = int(body.outputs[0].shape[-1])
        self.asked = 0

    @property
    def known(self) -> int:
        """Images whose features were known before."""
        return self._cache.found

    def __call__(self, images: Images) -> np.ndarray:
        """float32 (n, d) of images; `save` keeps them for the next time."""
        self.asked += len(images)
        return self._cache.read(images, self._extract)

    def save(self) -> None:
        """Write new features to the cache."""
        self._cache.save()

    def describe(self) -> str:
        """What computed how many features, and how many were known, in words."""
        known = f", {self.known:,} known from before" if self.known else ""
        return f"{self.width:,} of each of {self.asked:,} images{known}, by {self.computed_by}"
