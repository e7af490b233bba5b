"""What config.json and preprocessor_config.json of a transformers folder mean.

Source: transformers 5.24.0, models/resnet/configuration_resnet.py, models/convnext/image_processing_convnext.py (the
processor of its ResNets) and image_processing_utils.py.
"""

from pathlib import Path
from typing import Any

from residual._text import describe_value
from residual.data.preprocessing import Preprocessing
from residual.errors import NetworkError, RunError
from residual.importers.json_file import read_counts, read_field, read_json
from residual.importers.zoo_name import name_spec
from residual.models.spec import NetworkSpec

_RESAMPLE = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic"}  # Pillow's numbers
_USUAL = [0.5, 0.5, 0.5]  # mean and deviation of a processor that does not say them
_CROPPED_BELOW = 384  # from this size on, the processor of ConvNeXT scales both sides and cuts nothing


def read_spec(path: Path) -> NetworkSpec:
    """The network that config.json describes.

    Raises:
        RunError: it is another network than a ResNet of RGB images, or one that the zoo cannot express.
    """
    table = read_json(path)
    if table.get("model_type") != "resnet":
        raise RunError(f"{path} describes a {table.get('model_type')!r}; model_type resnet is imported.")
    kind = read_field(table, "layer_type", str, path, "bottleneck")
    activation = read_field(table, "hidden_act", str, path, "relu")
    channels = read_field(table, "num_channels", int, path, 3)
    if kind not in ("basic", "bottleneck") or activation != "relu" or channels != 3:
        raise RunError(
            f"{path}: layer_type must be basic or bottleneck, hidden_act relu and num_channels 3; got {kind}, "
            f"{activation} and {channels}."
        )
    outputs = read_counts(table, "hidden_sizes", path, (256, 512, 1024, 2048))
    depths = read_counts(table, "depths", path, (3, 4, 6, 3))
    stem = read_field(table, "embedding_size", int, path, 64)
    first = 2 if table.get("downsample_in_first_stage") else 1
    strides = (first,) + (2,) * (len(depths) - 1)
    _check_projections(path, (stem, *outputs), strides)
    try:
        return name_spec(
            NetworkSpec(
                f"transformers-{path.resolve().parent.name}",
                depths,
                tuple(width // 4 for width in outputs) if kind == "bottleneck" else outputs,
                outputs=outputs,
                strides=strides,
                block=kind,
                stem_width=stem,
                stride_on="1x1" if kind == "bottleneck" and table.get("downsample_in_bottleneck") else "3x3",
                source="transformers",
            )
        )
    except NetworkError as error:
        raise RunError(f"{path}: {error}") from None


def _check_projections(path: Path, channels: tuple[int, ...], strides: tuple[int, ...]) -> None:
    """RunError if a stage strides and keeps its channels: transformers projects there, no network of the zoo does."""
    for stage, stride in enumerate(strides):
        if stride > 1 and channels[stage] == channels[stage + 1]:
            raise RunError(
                f"{path}: stage {stage + 1} strides and keeps {channels[stage]} channels: not imported."
            )


def read_classes(path: Path, count: int) -> tuple[str, ...] | None:
    """The names of the outputs, of id2label; None if they are mere numbers, as transformers invents them.

    Raises:
        RunError: there are not as many as outputs.
    """
    table = read_json(path).get("id2label")
    if table is None:
        return None
    if not isinstance(table, dict) or {str(key) for key in table} != {str(i) for i in range(count)}:
        raise RunError(
            f"{path}: id2label must name each of the {count} outputs, from 0 to {count - 1}; got "
            f"{describe_value(table)}."
        )
    names = tuple(str(table[str(i)]) for i in range(count))
    return None if all(name == f"LABEL_{i}" for i, name in enumerate(names)) else names


def read_preprocessing(path: Path) -> Preprocessing | None:
    """What preprocessor_config.json does to a photo; None if there is no such file.

    Raises:
        RunError: it does something that no `Preprocessing` can express.
    """
    if not path.is_file():
        return None
    table = read_json(path)
    kind = str(table.get("image_processor_type") or table.get("feature_extractor_type") or "")
    number = read_field(table, "resample", int, path, 3)
    if number not in _RESAMPLE or table.get("do_resize") is False or table.get("do_pad"):
        raise RunError(
            f"{path}: images must be scaled by nearest, lanczos, bilinear or bicubic, and not padded."
        )
    mean, std = _read_normalization(table, path)
    return Preprocessing(
        **_read_scaling(table, kind, path),
        interpolation=_RESAMPLE[number],
        crop_rounding="down",
        mean=mean,
        std=std,
        source=f"{path.name} beside the weights{f' ({kind})' if kind else ''}",
    )


def _read_scaling(table: dict[str, Any], kind: str, path: Path) -> dict[str, Any]:
    """How the photo is scaled and cut."""
    size = table.get("size", {"shortest_edge": 224})
    size = {"shortest_edge": size} if isinstance(size, int) else size
    edge = size.get("shortest_edge") if isinstance(size, dict) else None
    if isinstance(size, dict) and type(size.get("height")) is int and type(size.get("width")) is int:
        sides = {"height": size["height"], "width": size["width"]}
        return {**sides, "resize": "exact", "resize_to": min(sides.values()), "crop_fraction": 1.0}
    if type(edge) is not int or edge < 1:
        raise RunError(
            f"{path}: size must have shortest_edge, or height and width; got {describe_value(size)}."
        )
    if table.get("do_center_crop"):
        crop = table.get("crop_size", edge)
        crop = crop.get("height", edge) if isinstance(crop, dict) else crop
        if type(crop) is not int or crop < 1:
            raise RunError(f"{path}: crop_size must be a number of pixels; got {describe_value(crop)}.")
        return {"height": crop, "width": crop, "resize_to": edge, "crop_fraction": crop / edge}
    if edge >= _CROPPED_BELOW:
        return {"height": edge, "width": edge, "resize": "exact", "resize_to": edge, "crop_fraction": 1.0}
    fraction = float(read_field(table, "crop_pct", (float, int), path, 224 / 256))
    if not 0 < fraction <= 1:
        raise RunError(f"{path}: crop_pct must be above 0 and at most 1; got {fraction:g}.")
    return {"height": edge, "width": edge, "resize_to": int(edge / fraction), "crop_fraction": fraction}


def _read_normalization(table: dict[str, Any], path: Path) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation in units of raw pixels."""
    white = 1 / float(read_field(table, "rescale_factor", (float, int), path, 1 / 255) or 1)
    if table.get("do_rescale") is False:
        white = 1.0
    if table.get("do_normalize") is False:
        return (0.0, 0.0, 0.0), (white, white, white)
    found = []
    for name in ("image_mean", "image_std"):
        values = table.get(name) or _USUAL
        if (
            not isinstance(values, list)
            or len(values) != 3
            or not all(type(v) in (int, float) for v in values)
        ):
            raise RunError(f"{path}: {name} must be three numbers; got {describe_value(values)}.")
        found.append(tuple(white * value for value in values))
    return found[0], found[1]
