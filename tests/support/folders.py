"""Folders of weights as keras-hub and transformers write them, made of a network of ours."""

import json
import re
from pathlib import Path

import h5py
import keras
import numpy as np

import residual
from residual.models.spec import NetworkSpec

SMALL = {"blocks": (1, 2), "widths": (8, 16), "stem_width": 16}


def make_network(spec: NetworkSpec, classes: int = 3) -> keras.Model:
    """A network with weights as after a training, without a layer for pixels."""
    rng = np.random.default_rng(11)
    model = residual.build(spec, (32, 32, 3), classes)
    for weight in model.weights:
        shape = tuple(weight.shape)
        if weight.name == "moving_variance":
            weight.assign(rng.uniform(0.5, 2, shape))
        elif len(shape) == 1:
            weight.assign((weight.name == "gamma") + rng.normal(0, 0.1, shape))
        else:
            weight.assign(rng.normal(0, 0.2 if len(shape) == 2 else np.prod(shape[:3]) ** -0.5, shape))
    return model


# keras-hub. The order is that of files that keras-hub 0.32.0 with Keras 3.15.1 wrote.
HUB_CONVOLUTIONS = {
    "bottleneck": "conv1 0_0_1 0_0_2 0_0_0 0_0_3 1_0_1 1_0_2 1_0_0 1_0_3 1_1_1 1_1_2 1_1_3",
    "basic": "conv1 0_0_1 0_0_2 1_0_1 1_0_0 1_0_2 1_1_1 1_1_2",
}
HUB_NORMS = {
    "v1": "conv1 0_0_1 0_0_2 0_0_0 0_0_3 1_0_1 1_0_2 1_0_0 1_0_3 1_1_1 1_1_2 1_1_3",
    "basic": "conv1 0_0_1 0_0_2 1_0_1 1_0_0 1_0_2 1_1_1 1_1_2",
    "v2": "0_0_pre 0_0_1 0_0_2 1_0_pre 1_0_1 1_0_2 1_1_pre 1_1_1 1_1_2 post",
}


def _place(word: str, kind: str, v2: bool) -> str:
    """Our layer for a word of the lists above."""
    if word in ("conv1", "post"):
        return f"stem_{kind}" if word == "conv1" else "head_norm"
    stage, block, part = word.split("_")
    place = f"stage{int(stage) + 1}_block{int(block) + 1}"
    if part == "0":
        return f"{place}_shortcut_{kind}"
    number = 1 if part == "pre" else int(part) + (v2 and kind == "norm")
    return f"{place}_{kind}{number}"


def _hub_name(word: str, kind: str) -> str:
    """The name that keras-hub gives to the layer of a word."""
    if word in ("conv1", "post"):
        return f"{word}_{kind}"
    stage, block, part = word.split("_")
    part = "pre_activation" if part == "pre" else part
    return f"stack{stage}_block{block}_{part}_{kind}"


CONVERTER = {
    "image_size": [32, 32],
    "scale": [0.017, 0.0175, 0.0174],
    "offset": [-2.1, -2.0, -1.8],
    "interpolation": "bilinear",
    "antialias": True,
    "crop_to_aspect_ratio": True,
}


def write_preset(folder: Path, model: keras.Model, spec: NetworkSpec, *, named: bool = True) -> Path:
    """A preset of keras-hub; `named`: its arrays carry the names of their layers, as Keras writes them now."""
    folder.mkdir(parents=True, exist_ok=True)
    backbone = {
        "input_conv_filters": [spec.stem_width],
        "input_conv_kernel_sizes": [7],
        "stackwise_num_filters": list(spec.widths),
        "stackwise_num_blocks": list(spec.blocks),
        "stackwise_num_strides": list(spec.strides),
        "block_type": f"{spec.block}_block",
        "use_pre_activation": spec.preactivation,
        "image_shape": [None, None, 3],
    }
    head = {"num_classes": model.output_shape[1], "pooling": "avg", "activation": None, "dropout": 0.0}
    for file, name, config in (
        ("config.json", "ResNetBackbone", backbone),
        ("task.json", "ResNetImageClassifier", head),
        ("image_converter.json", "ResNetImageConverter", CONVERTER),
    ):
        table = {"class_name": name, "registered_name": f"keras_hub>{name}", "config": config}
        (folder / file).write_text(json.dumps(table))
    kind = "v2" if spec.preactivation else "v1" if spec.block == "bottleneck" else "basic"
    with h5py.File(folder / "model.weights.h5", "w") as file:
        for hdf5, ours, theirs, words in (
            ("conv2d", "conv", "conv", HUB_CONVOLUTIONS[spec.block]),
            ("batch_normalization", "norm", "bn", HUB_NORMS[kind]),
        ):
            for number, word in enumerate(words.split()):
                layer = model.get_layer(_place(word, ours, spec.preactivation))
                place = f"layers/{hdf5}_{number}" if number else f"layers/{hdf5}"
                _write(file, place, layer, _hub_name(word, theirs) if named else None)
    with h5py.File(folder / "task.weights.h5", "w") as file:
        _write(file, "layers/dense", model.get_layer("head_dense"), "predictions" if named else None)
        file["optimizer/vars/0"] = np.int64(0)
    return folder


def _write(file: h5py.File, place: str, layer: keras.layers.Layer, name: str | None) -> None:
    group = file.create_group(f"{place}/vars")
    if name is not None:
        group.attrs["name"] = name
    for number, weight in enumerate(layer.weights):
        group[str(number)] = keras.ops.convert_to_numpy(weight)


# transformers.

_NAMES = (
    (r"stem_conv", "resnet.embedder.embedder.convolution"),
    (r"stem_norm", "resnet.embedder.embedder.normalization"),
    (r"head_dense", "classifier.1"),
)
_TORCH = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
PROCESSOR = {
    "image_processor_type": "ConvNextImageProcessor",
    "crop_pct": 0.8,
    "size": {"shortest_edge": 32},
    "resample": 3,
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.485, 0.456, 0.406],
    "image_std": [0.229, 0.224, 0.225],
}


def _transformers_name(layer: str) -> str:
    for pattern, name in _NAMES:
        if layer == pattern:
            return name
    stage, block, part, kind, number = re.fullmatch(
        r"stage(\d+)_block(\d+)_(shortcut_)?(conv|norm)(\d*)", layer
    ).groups()
    place = f"resnet.encoder.stages.{int(stage) - 1}.layers.{int(block) - 1}"
    word = "convolution" if kind == "conv" else "normalization"
    return f"{place}.shortcut.{word}" if part else f"{place}.layer.{int(number) - 1}.{word}"


def list_tensors(model: keras.Model) -> dict[str, np.ndarray]:
    """The arrays of a network as transformers names them and torch lays them out."""
    found: dict[str, np.ndarray] = {}
    for layer in model.layers:
        for weight in layer.weights:
            values = keras.ops.convert_to_numpy(weight)
            order = {4: (3, 2, 0, 1), 2: (1, 0)}.get(values.ndim, (0,))
            name = f"{_transformers_name(layer.name)}.{_TORCH[weight.name]}"
            found[name] = np.ascontiguousarray(values.transpose(order))
        if isinstance(layer, keras.layers.BatchNormalization):
            found[f"{_transformers_name(layer.name)}.num_batches_tracked"] = np.array(7, np.int64)
    return found


def write_transformers(folder: Path, spec: NetworkSpec, tensors: dict[str, np.ndarray], **config) -> Path:
    """A folder of transformers with these tensors."""
    folder.mkdir(parents=True, exist_ok=True)
    table = {
        "model_type": "resnet",
        "layer_type": spec.block,
        "embedding_size": spec.stem_width,
        "hidden_sizes": list(spec.outputs),
        "depths": list(spec.blocks),
        "hidden_act": "relu",
        "num_channels": 3,
        "downsample_in_bottleneck": spec.stride_on == "1x1",
        "id2label": {"0": "ant", "1": "bee", "2": "cat"},
        **config,
    }
    (folder / "config.json").write_text(json.dumps(table))
    (folder / "preprocessor_config.json").write_text(json.dumps(PROCESSOR))
    write_safetensors(folder / "model.safetensors", tensors)
    return folder


def write_safetensors(path: Path, tensors: dict[str, np.ndarray]) -> None:
    """A file of tensors: the length of its header, the header, the numbers."""
    header, body = {}, b""
    for name, values in tensors.items():
        data = values.tobytes()
        kind = {"float32": "F32", "float16": "F16", "int64": "I64"}[values.dtype.name]
        ends = [len(body), len(body) + len(data)]
        header[name] = {"dtype": kind, "shape": list(values.shape), "data_offsets": ends}
        body += data
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)
