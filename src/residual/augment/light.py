"""Brightness and contrast."""

import numpy as np

from residual.augment.values import Augmentation, Share


class Light(Augmentation, frozen=True, tag="light"):
    """Brightness and contrast changed by up to these shares; uint8 images saturate, floats do not.

    Attributes:
        brightness: 0.2 multiplies by 0.8 to 1.2.
        contrast: 0.2 stretches about the image's mean by 0.8 to 1.2.
    """

    brightness: Share = 0.2
    contrast: Share = 0.0

    def __call__(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        shape = (len(x), 1, 1, 1)
        gain = rng.uniform(1 - self.brightness, 1 + self.brightness, shape).astype(np.float32)
        stretch = rng.uniform(1 - self.contrast, 1 + self.contrast, shape).astype(np.float32)
        out = x.astype(np.float32)
        mean = out.mean((1, 2, 3), keepdims=True)
        out *= stretch * gain
        out += mean * gain * (1 - stretch)
        if x.dtype == np.uint8:
            np.rint(np.clip(out, 0, 255, out=out), out=out)
        return out.astype(x.dtype, copy=False)
