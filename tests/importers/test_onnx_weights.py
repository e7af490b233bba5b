"""ONNX files as Keras models: they compute what ONNX Runtime computes."""

import keras
import numpy as np
import onnx
import pytest

import residual
from residual.engines.card import ModelCard
from residual.exporters.onnx import make_onnx
from residual.importers import open_pretrained
from residual.models.spec import NetworkSpec
from tests.support.onnx_graphs import SHAPE, run_model, write_model

RNG = np.random.default_rng(7)


def draw(*shape: int) -> np.ndarray:
    return RNG.normal(0, 0.5, shape).astype(np.float32)


def whole(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


K3 = {"k": draw(4, 3, 3, 3), "b": draw(4)}
NORM = {"g": draw(3), "h": draw(3), "m": draw(3), "v": draw(3) ** 2 + 0.5}
GATE = {"a": draw(2, 3, 1, 1), "c": draw(3, 2, 1, 1), "d": draw(3)}
VIEW = {"first": whole(0), "axis": whole(0), "rest": whole(-1)}

# What is tested -> nodes from "x" (n, 3, 9, 8) to "y", and arrays. "y" is flattened in the order of the file.
OPERATORS: dict[str, tuple] = {
    "convolution": ([("Conv", "x k b", "y", {"pads": [1, 1, 1, 1]})], K3),
    "strided convolution": ([("Conv", "x k", "y", {"pads": [1, 1, 1, 1], "strides": [2, 2]})], K3),
    "uneven pads": ([("Conv", "x k b", "y", {"pads": [0, 1, 2, 0], "strides": [2, 1]})], K3),
    "SAME_UPPER": ([("Conv", "x k b", "y", {"auto_pad": "SAME_UPPER", "strides": [2, 2]})], K3),
    "SAME_LOWER": ([("Conv", "x k b", "y", {"auto_pad": "SAME_LOWER", "strides": [2, 2]})], K3),
    "dilation": ([("Conv", "x k b", "y", {"dilations": [2, 2], "pads": [2, 2, 2, 2]})], K3),
    "groups": ([("Conv", "x k", "y", {"group": 3})], {"k": draw(6, 1, 3, 3)}),
    "batch norm": ([("BatchNormalization", "x g h m v", "y", {"epsilon": 1e-3})], NORM),
    "largest, padded on both sides": (
        [("MaxPool", "x", "y", {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1] * 4})],
        {},
    ),
    "largest, padded as TensorFlow does": (
        [("MaxPool", "x", "y", {"kernel_shape": [2, 2], "strides": [2, 2], "pads": [0, 0, 1, 0]})],
        {},
    ),
    "largest of a relu": (
        [
            ("Relu", "x", "r", {}),
            ("MaxPool", "r", "y", {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 0, 1, 1]}),
        ],
        {},
    ),
    "largest, rounded up": (
        [
            ("Relu", "x", "r", {}),
            ("MaxPool", "r", "y", {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}),
        ],
        {},
    ),
    "average": ([("AveragePool", "x", "y", {"kernel_shape": [2, 2], "strides": [2, 2]})], {}),
    "average, rounded up": (
        [("AveragePool", "x", "y", {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1})],
        {},
    ),
    "average with zeros that count": (
        [
            (
                "AveragePool",
                "x",
                "y",
                {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1] * 4, "count_include_pad": 1},
            )
        ],
        {},
    ),
    "average of the whole image": ([("AveragePool", "x", "y", {"kernel_shape": [9, 8]})], {}),
    "mean": ([("ReduceMean", "x axes", "y", {"keepdims": 0})], {"axes": whole(2, 3)}),
    "mean that keeps its axes": ([("ReduceMean", "x axes", "y", {})], {"axes": whole(-1, -2)}),
    "largest of the whole image": ([("GlobalMaxPool", "x", "y", {})], {}),
    "gemm": (
        [
            ("GlobalAveragePool", "x", "p", {}),
            ("Flatten", "p", "f", {}),
            ("Gemm", "f w b", "y", {"transB": 1, "alpha": 0.5, "beta": 2.0}),
        ],
        {"w": draw(5, 3), "b": draw(5)},
    ),
    "matrix product and sum": (
        [
            ("GlobalAveragePool", "x", "p", {}),
            ("Squeeze", "p axes", "f", {}),
            ("MatMul", "f w", "z", {}),
            ("Add", "z b", "y", {}),
        ],
        {"w": draw(3, 5), "b": draw(5), "axes": whole(2, 3)},
    ),
    "a view of the images": (
        [
            ("Shape", "x", "s", {}),
            ("Gather", "s first", "n", {"axis": 0}),
            ("Concat", "n rest", "t", {"axis": 0}),
            ("Reshape", "x t", "y", {}),
        ],
        VIEW,
    ),
    "another shape": ([("Reshape", "x t", "y", {})], {"t": whole(0, 8, 27)}),
    "a weight that is turned": (
        [
            ("GlobalAveragePool", "x", "p", {}),
            ("Flatten", "p", "f", {}),
            ("Transpose", "w", "u", {}),
            ("MatMul", "f u", "y", {}),
        ],
        {"w": draw(5, 3)},
    ),
    "other axes": ([("Transpose", "x", "y", {"perm": [0, 2, 3, 1]})], {}),
    "padding": ([("Pad", "x p", "y", {})], {"p": whole(0, 0, 1, 2, 0, 0, 0, 3)}),
    "padded channels": ([("Pad", "x p", "y", {})], {"p": whole(0, 1, 1, 0, 0, 2, 0, 0)}),
    "scale and shift by channel": (
        [("Mul", "x s", "z", {}), ("Add", "z t", "y", {})],
        {"s": draw(3, 1, 1), "t": draw(1, 3, 1, 1)},
    ),
    "scale behind a layer": (
        [("Relu", "x", "r", {}), ("Div", "r s", "z", {}), ("Sub", "z t", "y", {})],
        {"s": draw(3, 1, 1) + 3, "t": draw(3, 1, 1)},
    ),
    "one number": ([("Relu", "x", "r", {}), ("Mul", "r s", "y", {})], {"s": draw(1)}),
    "a gate on channels": (
        [
            ("GlobalAveragePool", "x", "p", {}),
            ("Conv", "p a", "q", {}),
            ("Relu", "q", "r", {}),
            ("Conv", "r c d", "t", {}),
            ("Sigmoid", "t", "u", {}),
            ("Mul", "x u", "y", {}),
        ],
        GATE,
    ),
    "joined channels": ([("Relu", "x", "r", {}), ("Concat", "x r", "y", {"axis": 1})], {}),
    "relu6": ([("Clip", "x lo hi", "y", {})], {"lo": np.float32(0), "hi": np.float32(0.3)}),
    "leaky relu": ([("LeakyRelu", "x", "y", {"alpha": 0.1})], {}),
    "hard swish": ([("HardSwish", "x", "y", {})], {}),
    "hard sigmoid": ([("HardSigmoid", "x", "y", {"alpha": 1 / 6, "beta": 0.5})], {}),
    "what does nothing": (
        [("Identity", "x", "a", {}), ("Cast", "a", "b", {"to": 1}), ("Tanh", "b", "y", {})],
        {},
    ),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_an_operator_computes_what_onnx_runtime_computes(tmp_path, name):
    nodes, constants = OPERATORS[name]
    write_model(tmp_path / "alone.onnx", nodes, constants)
    x = RNG.normal(0, 1, SHAPE).astype(np.float32)
    wanted = run_model(tmp_path / "alone.onnx", x).reshape(2, -1)
    path = write_model(
        tmp_path / "flat.onnx", [*nodes, ("Flatten", "y", "flat", {})], constants, outputs=("flat",)
    )
    model = open_pretrained(path).model
    logits = keras.Model(model.input, model.layers[-1].input)
    result = keras.ops.convert_to_numpy(logits(x.transpose(0, 2, 3, 1), training=False))
    assert np.abs(wanted).max() > 1e-2
    np.testing.assert_allclose(result, wanted, atol=1e-5)


def settle(model: keras.Model) -> None:
    """Weights as after a training: no norm does nothing, and no probability is close to 1."""
    rng = np.random.default_rng(3)
    for weight in model.weights:
        shape = tuple(weight.shape)
        if weight.name == "moving_variance":
            weight.assign(rng.uniform(0.5, 2, shape))
        elif len(shape) == 1 and "normalization" not in weight.path:
            weight.assign((weight.name == "gamma") + rng.normal(0, 0.1, shape))
        elif len(shape) > 1:
            weight.assign(rng.normal(0, 0.1 if len(shape) == 2 else np.prod(shape[:3]) ** -0.5, shape))


SMALL = {"blocks": (1, 2), "widths": (8, 16), "stem_width": 8}
SPECS = {
    "v1": NetworkSpec("v1", stem="cifar", **SMALL),
    "v2": NetworkSpec("v2", stem="cifar", preactivation=True, shortcut_norm=False, **SMALL),
    "zero-pad": NetworkSpec("zero-pad", stem="cifar", shortcut="zero-pad", **SMALL),
    "D": NetworkSpec("D", stem="deep", block="bottleneck", shortcut="pooled-projection", **SMALL),
    "keras v2": NetworkSpec(
        "keras v2", preactivation=True, stem_end="none", stride_block="last", bias="unnormalised", **SMALL
    ),
}


@pytest.mark.parametrize("name", SPECS)
def test_what_is_exported_comes_back(tmp_path, name):
    pixels = keras.layers.Normalization(mean=[100.0, 110, 120], variance=[2500.0, 3000, 3600])
    model = residual.build(SPECS[name], (16, 16, 3), 3, normalization=pixels)
    settle(model)
    card = ModelCard(
        name="first",
        network=name,
        classes=("a", "b", "c"),
        image_size=(16, 16),
        precision="fp32",
        exported_to="onnx",
    )
    (tmp_path / "out.onnx").write_bytes(make_onnx(model, card, with_features=True).SerializeToString())
    found = open_pretrained(tmp_path / "out.onnx")
    assert (found.network, found.classes, found.origin) == (name, ("a", "b", "c"), "residual export of first")
    assert "The first output, probabilities, is kept; the file has 2." in found.notes
    x = np.random.default_rng(1).integers(0, 256, (2, 16, 16, 3)).astype(np.float32)
    wanted = keras.ops.convert_to_numpy(model(x, training=False))
    assert 0.01 < wanted.max() < 0.999
    np.testing.assert_allclose(keras.ops.convert_to_numpy(found.model(x, training=False)), wanted, atol=1e-5)
    assert {"stem_conv" if name != "D" else "stem_conv1", "head_dense"} <= {
        layer.name for layer in found.model.layers
    }


def test_layers_are_named_after_their_blocks(tmp_path):
    model = residual.build(SPECS["v1"], (16, 16, 3), 3)
    card = ModelCard(
        name="n",
        network="n",
        classes=("a", "b", "c"),
        image_size=(16, 16),
        precision="fp32",
        exported_to="onnx",
    )
    (tmp_path / "out.onnx").write_bytes(make_onnx(model, card).SerializeToString())
    names = [layer.name for layer in open_pretrained(tmp_path / "out.onnx").model.layers]
    assert names[1:6] == [
        "stem_conv",
        "stem_relu",
        "stage1_block1_conv1",
        "stage1_block1_relu",
        "stage1_block1_conv2",
    ]
    assert {"stage2_block1_shortcut_conv", "stage2_block1_add", "stage2_block2_out", "head_pool"} <= set(
        names
    )


def test_another_size_can_be_asked_for(tmp_path):
    nodes = [("Conv", "x k b", "c", {}), ("GlobalAveragePool", "c", "p", {}), ("Flatten", "p", "y", {})]
    path = write_model(tmp_path / "small.onnx", nodes, K3)
    assert open_pretrained(path, image_size=20).model.input_shape == (None, 20, 20, 3)


def test_half_precision_is_noted(tmp_path):
    halves = {name: values.astype(np.float16) for name, values in K3.items()}
    path = write_model(
        tmp_path / "half.onnx", [("Conv", "x k b", "c", {}), ("Flatten", "c", "y", {})], halves
    )
    found = open_pretrained(path)
    assert "The file stores numbers of 16 bits; the network computes in float32." in found.notes
    kernel = found.model.get_layer("node_c").kernel
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(kernel).transpose(3, 2, 0, 1), halves["k"])


def test_numbers_beside_the_file_are_read(tmp_path):
    nodes = [("Conv", "x k b", "c", {}), ("Flatten", "c", "y", {})]
    write_model(tmp_path / "inside.onnx", nodes, K3)
    model = onnx.load(tmp_path / "inside.onnx")
    onnx.save(
        model, tmp_path / "outside.onnx", save_as_external_data=True, location="numbers", size_threshold=0
    )
    assert (tmp_path / "numbers").stat().st_size > 400
    pair = [open_pretrained(tmp_path / name).model.get_weights() for name in ("inside.onnx", "outside.onnx")]
    for a, b in zip(*pair, strict=True):
        np.testing.assert_array_equal(a, b)
