"""An engine in the place of a Keras model: predictions are computed without Keras."""

import numpy as np

from residual.engines.engine import Engine

BATCH = 32  # images at a time; larger batches are no faster and take more memory


class EngineNetwork:
    """What predictions use of a Keras model, computed by an engine.

    Args:
        engine: the engine.

    Attributes:
        input_shape: (None, height, width, 3).
    """

    def __init__(self, engine: Engine):
        self.engine = engine
        self.input_shape = (None, *engine.card.image_size, 3)

    def predict(self, x: np.ndarray, batch_size: int = BATCH, verbose: int = 0) -> list[np.ndarray]:
        """Probabilities float32 (n, classes), and features (n, d) if the engine gives them.

        Args:
            x: raw RGB, (n, height, width, 3) from 0 to 255; engines take uint8, so that floats are rounded.
            batch_size: images at a time; at most `BATCH` are taken.
            verbose: as Keras takes it; ignored.
        """
        if x.dtype != np.uint8:
            x = np.rint(x).astype(np.uint8)
        step = min(batch_size, BATCH)
        parts = [self.engine.predict_all(x[start : start + step]) for start in range(0, len(x), step)]
        return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]
