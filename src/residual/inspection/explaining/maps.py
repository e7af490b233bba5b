"""Heat maps: how much each place of an image speaks for a class.

Three methods that fail in different ways:

- gradcam: the maps of one layer, each value times its gradient, summed over the channels. At the last layer before an
  average pooling this is Grad-CAM (Selvaraju et al. 2017); at finer layers the product for each place is more faithful
  than Grad-CAM's average (HiResCAM, Draelos and Carin 2020). Negative values are left out.
- integrated-gradients: the gradient in the pixels, averaged on straight ways from a black and from a white image to the
  image, times the difference of the pixels (Sundararajan et al. 2017). The pixels' sum is the difference of the scores.
- occlusion: how far the score falls if a square of the image is grey (Zeiler and Fergus 2014). It needs no gradient.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from residual import backend
from residual.backend.gradients import input_gradients
from residual.inspection.explaining.network import Cut, ExplainedNetwork

GRADCAM, INTEGRATED, OCCLUSION = "gradcam", "integrated-gradients", "occlusion"
_STEPS = 16  # on each of the two ways
_BATCH = 32  # images at a time
_PATCHES = 6  # squares that lie side by side along an image


@dataclass(frozen=True, eq=False)
class HeatMaps:
    """What a method found.

    Attributes:
        maps: float32 (n, height, width) of the images' size, from 0.
        missing: of integrated gradients, the largest share of a difference of scores that the sum of the pixels misses;
            0 of other methods.
    """

    maps: np.ndarray
    missing: float = 0.0


def find_gradcam(network: ExplainedNetwork, x: np.ndarray, classes: np.ndarray, cut: Cut | None) -> HeatMaps:
    """Grad-CAM at a layer.

    Args:
        network: what looks.
        x: float32 (n, height, width, 3), as the network takes it.
        classes: (n,) of which class each map is.
        cut: the layer; None chooses it.
    """
    front, back = network.split(cut or network.choose_cut())
    found = []
    for start in range(0, len(x), _BATCH):
        part = x[start : start + _BATCH]
        maps, weights = compute(front, part), _weigh(network, part, classes[start : start + _BATCH])
        found.append((maps * input_gradients(back, maps, weights)).sum(-1))
    return HeatMaps(_resize(np.concatenate(found).clip(0), x.shape[1:3]))


def find_integrated(
    network: ExplainedNetwork, x: np.ndarray, classes: np.ndarray, cut: Cut | None = None
) -> HeatMaps:
    """Integrated gradients from black and from white; as `find_gradcam`, but the cut is not used."""
    low, high = (0.0, 255.0) if x.max() > 1.5 else (min(0.0, float(x.min())), 1.0)
    steps = ((np.arange(_STEPS) + 0.5) / _STEPS).astype(np.float32)[:, None, None, None]
    maps, missing = [], 0.0
    for image, kind in zip(x, classes, strict=True):
        way = np.concatenate([base + steps * (image - base) for base in (low, high)])
        kinds = np.full(len(way), kind)
        gradients = input_gradients(network.scorer, way, _weigh(network, way, kinds)).astype(np.float64)
        black, white = (part.mean(0) for part in np.split(gradients, 2))
        parts = (black * (image - low), white * (image - high))
        ends = _score(network, np.stack([image, np.full_like(image, low), np.full_like(image, high)]), kind)
        for part, end in zip(parts, ends[1:], strict=True):
            missing = max(missing, abs(part.sum() - (ends[0] - end)) / max(abs(ends[0] - end), 1e-6))
        maps.append(np.abs((parts[0] + parts[1]).sum(-1)) / 2)
    return HeatMaps(np.stack(maps).astype(np.float32), float(missing))


def find_occlusion(
    network: ExplainedNetwork, x: np.ndarray, classes: np.ndarray, cut: Cut | None = None
) -> HeatMaps:
    """How far the score falls behind grey squares; as `find_gradcam`, but the cut is not used."""
    height, width = x.shape[1:3]
    side = max(1, round(min(height, width) / _PATCHES))
    places = [
        (top, left)
        for top in _list_steps(height, side)
        for left in _list_steps(width, side)
    ]  # fmt: skip
    maps = []
    for image, kind in zip(x, classes, strict=True):
        hidden = np.repeat(image[None], len(places), 0)
        for one, (top, left) in zip(hidden, places, strict=True):
            one[top : top + side, left : left + side] = image.mean((0, 1))
        falls = _score(network, image[None], kind)[0] - _score(network, hidden, kind)
        total, count = np.zeros((height, width)), np.zeros((height, width))
        for fall, (top, left) in zip(falls, places, strict=True):
            total[top : top + side, left : left + side] += fall
            count[top : top + side, left : left + side] += 1
        maps.append((total / count).clip(0))
    return HeatMaps(np.stack(maps).astype(np.float32))


# A new method is a function and a row.
METHODS: dict[str, Callable[[ExplainedNetwork, np.ndarray, np.ndarray, Cut | None], HeatMaps]] = {
    GRADCAM: find_gradcam,
    INTEGRATED: find_integrated,
    OCCLUSION: find_occlusion,
}


def _list_steps(length: int, side: int) -> list[int]:
    """Where squares begin along a side: half a square apart, the last one at the end."""
    return sorted({*range(0, length - side, max(1, side // 2)), length - side})


def _weigh(network: ExplainedNetwork, x: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """The weights that make a score of the scorer's outputs: the class's logit, or the logarithm of its probability.

    Returns:
        float32 (n, d): the gradient of the score in the outputs.
    """
    if network.kernel is not None:
        return network.kernel.T[classes]
    outputs = compute(network.scorer, x)
    weights, rows = np.zeros_like(outputs), np.arange(len(outputs))
    weights[rows, classes] = 1 / outputs[rows, classes].clip(1e-7)
    return weights


def _score(network: ExplainedNetwork, x: np.ndarray, kind: int) -> np.ndarray:
    """The score of one class for each image: its logit without the bias, or the logarithm of its probability."""
    outputs = compute(network.scorer, x).astype(np.float64)
    if network.kernel is not None:
        return outputs @ network.kernel[:, kind]
    return np.log(outputs[:, kind].clip(1e-7))


def compute(model: Any, x: np.ndarray) -> np.ndarray:
    """What a model returns in inference mode, a batch at a time. Nothing is compiled, which would take longer.

    Args:
        model: with one output.
        x: (n, ...) what it takes.
    """
    parts = (model(x[start : start + _BATCH], training=False) for start in range(0, len(x), _BATCH))
    with backend.no_gradients():
        found = [np.asarray(keras.ops.convert_to_numpy(part), np.float32) for part in parts]
    return np.concatenate(found)


def _resize(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Maps scaled to a size with a bilinear filter."""
    from PIL import Image

    width_height = (size[1], size[0])
    images = (Image.fromarray(one.astype(np.float32)) for one in maps)
    return np.stack([np.asarray(one.resize(width_height, Image.Resampling.BILINEAR)) for one in images])
