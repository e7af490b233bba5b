"""What the configuration of a keras-hub preset means: a network of the zoo, its head, its preprocessing.

Source: keras-hub 0.32.0, models/resnet/resnet_backbone.py, models/image_classifier.py and
layers/preprocessing/image_converter.py.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from residual._text import describe_value
from residual.data.preprocessing import Preprocessing
from residual.errors import NetworkError, RunError
from residual.importers.json_file import read_counts, read_field, read_json
from residual.importers.zoo_name import name_spec
from residual.models.spec import NetworkSpec

BACKBONE, CLASSIFIER = "ResNetBackbone", "ResNetImageClassifier"
_EPSILON = 1e-5
_INTERPOLATIONS = {"bilinear": "bilinear", "nearest": "nearest", "bicubic": "bicubic", "lanczos3": "lanczos"}


def read_class(table: dict[str, Any]) -> str:
    """The class that a configuration is of, such as "ResNetBackbone"; "" if it does not say."""
    return str(table.get("registered_name") or table.get("class_name") or "").rpartition(">")[2]


def read_spec(path: Path) -> NetworkSpec:
    """The network of the backbone in config.json.

    Raises:
        RunError: it is another network than a ResNet, or one that the zoo cannot express.
    """
    table = read_json(path)
    if read_class(table) != BACKBONE:
        raise RunError(
            f"{path} describes a {read_class(table) or 'network without a name'}; {BACKBONE} is imported."
        )
    config = read_field(table, "config", dict, path)
    kind = read_field(config, "block_type", str, path)
    filters = read_counts(config, "stackwise_num_filters", path)
    stem = read_counts(config, "input_conv_filters", path, (64,))
    kernels = read_counts(config, "input_conv_kernel_sizes", path, (7,))
    deep = kernels == (3, 3, 3)
    block, _, pooled = kind.partition("_block")
    if block not in ("basic", "bottleneck") or pooled not in ("", "_vd"):
        raise RunError(
            f"{path}: block_type must be basic_block or bottleneck_block, with or without _vd; got {kind!r}."
        )
    if not (deep or kernels == (7,)) or (deep and stem != (stem[2] // 2, stem[2] // 2, stem[2])):
        raise RunError(
            f"{path}: the stem must be one 7x7 convolution, or three 3x3 ones of which the last has twice the filters; "
            f"got filters {list(stem)} and sizes {list(kernels)}."
        )
    _check_projections(path, kind, filters, stem[-1])
    preactivation = read_field(config, "use_pre_activation", bool, path, False)
    try:
        return name_spec(
            NetworkSpec(
                f"keras-hub-{path.parent.name}",
                read_counts(config, "stackwise_num_blocks", path),
                filters,
                strides=read_counts(config, "stackwise_num_strides", path),
                block=block,
                preactivation=preactivation,
                stem="deep" if deep else "imagenet",
                stem_width=stem[-1],
                stem_end="none" if preactivation else "norm-relu",
                stem_pool="max-inside" if preactivation else "max",
                shortcut="pooled-projection" if pooled else "projection",
                epsilon=_EPSILON,
                source="keras-hub",
            )
        )
    except NetworkError as error:
        raise RunError(f"{path}: {error}") from None


def _check_projections(path: Path, kind: str, filters: Sequence[int], stem: int) -> None:
    """RunError if a stage begins with a projection between equally many channels: no network of the zoo does."""
    outputs = [4 * width if kind.startswith("bottleneck") else width for width in filters]
    starts = 1 if kind == "basic_block" else 0
    before = [stem, *outputs]
    equal = [stage + 1 for stage in range(starts, len(outputs)) if before[stage] == outputs[stage]]
    if equal:
        raise RunError(
            f"{path}: stage {equal[0]} begins with a projection from {outputs[equal[0] - 1]} to as many channels "
            f"({kind}), which is not imported."
        )


def read_head(path: Path) -> int:
    """How many outputs the classifier in task.json has.

    Raises:
        RunError: there is none, or it does not end in an average and a softmax.
    """
    if not path.is_file():
        raise RunError(
            f"{path.parent} holds a backbone without a classifier: {path.name} is missing. Save the preset of an "
            "ImageClassifier."
        )
    table = read_json(path)
    if read_class(table) != CLASSIFIER:
        raise RunError(
            f"{path} describes a {read_class(table) or 'task without a name'}; {CLASSIFIER} is imported."
        )
    config = read_field(table, "config", dict, path)
    pooling = read_field(config, "pooling", str, path, "avg")
    activation = read_field(config, "activation", (str, dict), path, "linear")
    if pooling != "avg" or activation not in ("linear", "softmax"):
        raise RunError(
            f"{path}: the classifier must have pooling avg, and no activation or softmax; got {pooling} and "
            f"{describe_value(activation)}."
        )
    return read_field(config, "num_classes", int, path)


def read_preprocessing(folder: Path) -> Preprocessing | None:
    """What the image converter of a preset does to a photo; None if the preset has none.

    Raises:
        RunError: it does something that no `Preprocessing` can express.
    """
    for name in ("image_converter.json", "preprocessor.json"):
        path = folder / name
        if path.is_file():
            table = read_json(path)
            inner = table.get("config")
            if name == "preprocessor.json" and isinstance(inner, dict):
                table = inner.get("image_converter") or {}
            config = table.get("config") if isinstance(table, dict) else None
            if isinstance(config, dict):
                return _convert(config, path)
    return None


def _convert(config: dict[str, Any], path: Path) -> Preprocessing:
    size = config.get("image_size") or [config.get("height"), config.get("width")]
    if (
        not isinstance(size, list)
        or len(size) != 2
        or not all(type(side) is int and side > 0 for side in size)
    ):
        size = [224, 224]
    word = read_field(config, "interpolation", str, path, "bilinear")
    if word not in _INTERPOLATIONS or config.get("pad_to_aspect_ratio"):
        raise RunError(
            f"{path}: the image converter must scale by {', '.join(_INTERPOLATIONS)} without padding; got {word}"
            f"{' with padding' * bool(config.get('pad_to_aspect_ratio'))}."
        )
    if word == "lanczos3" and not config.get("antialias"):
        raise RunError(f"{path}: the image converter must antialias if it scales by lanczos3.")
    mean, std = _read_normalization(config, path)
    return Preprocessing(
        height=size[0],
        width=size[1],
        resize="cover" if config.get("crop_to_aspect_ratio", True) else "exact",
        resize_to=min(size),
        crop_fraction=1.0,
        interpolation=_INTERPOLATIONS[word],
        antialias=bool(config.get("antialias", False)),
        crop_rounding="down",
        mean=mean,
        std=std,
        source=f"{path.name} of the preset",
    )


def _read_normalization(config: dict[str, Any], path: Path) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of raw pixels: x * scale + offset is (x - mean) / std."""
    scales, offsets = _read_three(config, "scale", 1.0, path), _read_three(config, "offset", 0.0, path)
    if "variance" in config and "mean" in config:  # as presets were saved at first
        stds = [math.sqrt(value) for value in _read_three(config, "variance", 1.0, path)]
        scales = [scale / std for scale, std in zip(scales, stds, strict=True)]
        offsets = [-m / std for m, std in zip(_read_three(config, "mean", 0.0, path), stds, strict=True)]
    if min(scales) <= 0:
        raise RunError(f"{path}: scale must be positive; got {scales}.")
    pairs = list(zip(scales, offsets, strict=True))
    return tuple(-offset / scale for scale, offset in pairs), tuple(1 / scale for scale, _ in pairs)


def _read_three(config: dict[str, Any], name: str, default: float, path: Path) -> list[float]:
    value = config.get(name)
    values = [default if value is None else value] * 3 if not isinstance(value, list) else value
    if len(values) != 3 or not all(type(one) in (int, float) and math.isfinite(one) for one in values):
        raise RunError(f"{path}: {name} must be a number, or three; got {describe_value(value)}.")
    return [float(one) for one in values]
