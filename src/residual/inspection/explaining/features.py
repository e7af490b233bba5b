"""What a network makes of an image, as pictures: filters, the strongest maps of each stage, and the nearest images."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from residual._atomic import write_bytes
from residual._fonts import choose_fonts
from residual._keras_graph import find_calls
from residual._text import truncate_middle
from residual.evaluation.classifier import PIXELS, Classifier
from residual.inspection.explaining.maps import compute
from residual.inspection.explaining.network import ExplainedNetwork
from residual.inspection.explaining.shown import ShownImages
from residual.models.layer_names import find_group

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLUMNS = 8  # pictures in a row
_DOTS_PER_INCH = 100


@dataclass(frozen=True, eq=False)
class NearestImage:
    """A training image near another one, as the network sees them.

    Attributes:
        pixels: uint8 (height, width, 3).
        label: its class.
        similarity: cosine of the two vectors of features, -1 to 1.
    """

    pixels: np.ndarray
    label: str
    similarity: float


def rank_nearest(
    features: np.ndarray, known: np.ndarray, most: int = _COLUMNS
) -> tuple[np.ndarray, np.ndarray]:
    """The places of the nearest known features and the cosine of each, the nearest first.

    Args:
        features: (n, d).
        known: (m, d).
        most: of each.

    Returns:
        int (n, most) and float32 (n, most).
    """
    ones, others = (x.astype(np.float32) for x in (features, known))
    ones, others = (x / np.linalg.norm(x, axis=1, keepdims=True).clip(1e-9) for x in (ones, others))
    cosines = ones @ others.T
    order = np.argsort(-cosines, axis=1, kind="stable")[:, :most]
    return order, np.take_along_axis(cosines, order, 1)


def read_features(classifier: Classifier, pixels: np.ndarray) -> np.ndarray | None:
    """float32 (n, d): what the last layer reads; None if the network does not end in a Dense layer and a softmax.

    Args:
        classifier: the network.
        pixels: uint8 (n, height, width, 3).
    """
    network = ExplainedNetwork(classifier.model)
    if network.kernel is None:
        return None
    return compute(network.scorer, PIXELS[classifier.pixels](pixels).astype(np.float32))


def find_stages(model: keras.Model) -> dict[str, Any]:
    """The last maps of every stage, by the stage's name; in networks without stages by the size of the maps.

    Args:
        model: functional, without models inside it.
    """
    calls = [call for call in find_calls(model) if len(call.outputs) == 1 and len(call.outputs[0].shape) == 4]
    named = {find_group(str(call.layer.name)): call.outputs[0] for call in calls if call.inputs}
    named.pop("head", None)
    if any(name.startswith("stage") for name in named):
        return named
    return {f"maps of {call.outputs[0].shape[1]} pixels": call.outputs[0] for call in calls if call.inputs}


def draw_features(
    classifier: Classifier,
    images: ShownImages,
    nearest: Sequence[Sequence[NearestImage]] | None,
    files: Sequence[str | os.PathLike[str]],
) -> None:
    """Draw a PNG file for each image.

    Args:
        classifier: the network.
        images: as `shown.read_images` returns them.
        nearest: training images near each; None leaves them out.
        files: one for each image.

    Raises:
        OSError: if one cannot be written.
    """
    network = ExplainedNetwork(classifier.model)
    stages = find_stages(network.model)
    reader: Any = keras.Model(network.model.inputs[0], list(stages.values()))
    filters = _find_filters(network.model)
    for i, file in enumerate(files):
        x = PIXELS[classifier.pixels](images.pixels[i : i + 1]).astype(np.float32)
        found = [
            np.asarray(keras.ops.convert_to_numpy(one), np.float32)[0] for one in reader(x, training=False)
        ]
        rows = [(name, _choose_maps(maps)) for name, maps in zip(stages, found, strict=True)]
        content = _draw(images.names[i], images.pixels[i], filters, rows, nearest[i] if nearest else ())
        write_bytes(Path(file), content)


def _find_filters(model: Any) -> np.ndarray | None:
    """The kernels of the first convolution as pictures (n, height, width, 3); None if it does not read colours."""
    for layer in model.layers:
        kernel = getattr(layer, "kernel", None)
        if kernel is not None and len(kernel.shape) == 4:
            values = np.asarray(keras.ops.convert_to_numpy(kernel), np.float32)
            if values.shape[2] != 3:
                return None
            values = values.transpose(3, 0, 1, 2)
            largest = np.abs(values).max((1, 2, 3), keepdims=True).clip(1e-9)
            order = np.argsort(-np.abs(values).sum((1, 2, 3)), kind="stable")[:_COLUMNS]
            return (values / largest / 2 + 0.5)[order]
    return None


def _choose_maps(maps: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """The channels that vary most over the image, with their numbers."""
    order = np.argsort(-maps.std((0, 1)), kind="stable")[:_COLUMNS]
    return [(int(channel), maps[..., channel]) for channel in order]


def _draw(
    name: str,
    pixels: np.ndarray,
    filters: np.ndarray | None,
    stages: Sequence[tuple[str, Sequence[tuple[int, np.ndarray]]]],
    nearest: Sequence[NearestImage],
) -> bytes:
    from matplotlib.figure import Figure

    heads = ["image", *(["first filters"] if filters is not None else []), *(name for name, _ in stages)]
    heads += ["nearest training images"] if nearest else []
    figure = Figure(figsize=(1.15 * _COLUMNS, 1.7 * len(heads)), layout="constrained")
    figure.get_layout_engine().set(h_pad=0.2, w_pad=0.02)  # type: ignore[union-attr]
    grid = figure.subplots(len(heads), _COLUMNS, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    _show(grid[0][0], pixels, truncate_middle(os.path.basename(name), 60), align="left")
    row = 1
    if filters is not None:
        for axes, one in zip(grid[row], filters, strict=False):
            _show(axes, one, "")
        _head(grid[row][0], "first filters, the strongest")
        row += 1
    for stage, maps in stages:
        for axes, (channel, values) in zip(grid[row], maps, strict=False):
            _show(axes, values, f"{channel}", cmap="magma")
        _head(grid[row][0], f"{stage}: channels that vary most, {'x'.join(map(str, maps[0][1].shape))}")
        row += 1
    for axes, one in zip(grid[row] if nearest else (), nearest, strict=False):
        _show(axes, one.pixels, f"{truncate_middle(one.label, 14)} {one.similarity:.2f}")
    if nearest:
        _head(grid[row][0], "nearest training images, with the cosine of their features")
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=_DOTS_PER_INCH)
    return buffer.getvalue()


def _show(axes: "Axes", picture: np.ndarray, title: str, align: Any = "center", **options: Any) -> None:
    axes.imshow(picture, interpolation="nearest", **options)
    fonts, _ = choose_fonts([title])
    axes.set_title(title, fontsize=7, loc=align, parse_math=False, fontfamily=fonts, pad=2)


def _head(axes: "Axes", text: str) -> None:
    place = {"transform": axes.transAxes, "fontsize": 8.5, "fontweight": "bold", "va": "bottom"}
    axes.text(0, 1.17, text, **place).set_in_layout(False)  # it is wider than its picture
