"""Scaling inside the graph of an old network becomes a Rescaling or Normalization layer."""

import keras
import numpy as np
import pytest

from residual.errors import RunError
from residual.importers import convert
from tests.support import old_layouts

HEAD = {"head": {"kernel": (3, 2), "bias": (2,)}}
X = np.random.default_rng(0).uniform(0, 255, (2, 4, 4, 3)).astype("float32")
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def operator(name: str, function: str, *node, kind: str = "TFOpLambda") -> dict:
    """An operator as TensorFlow 2.4 on wrote it."""
    config = {"name": name, "trainable": True, "dtype": "float32", "function": function}
    return {"class_name": kind, "config": config, "name": name, "inbound_nodes": [list(node)]}


def from_input(value, key: str = "y", source: str = "input_1") -> list:
    return [source, 0, 0, {key: value, "name": None}]


def op_layer(name: str, operation: str, constant: float) -> dict:
    """An operator as TensorFlow 2.0 to 2.3 wrote it: as a message of its graph."""
    node = f"\n{chr(len(name))}{name}\x12{chr(len(operation))}{operation}\x1a\x07input_1"
    config = {"name": name, "node_def": node, "constants": {"1": constant}, "dtype": "float32"}
    return {
        "class_name": "TensorFlowOpLayer",
        "config": config,
        "name": name,
        "inbound_nodes": [[["input_1", 0, 0, {}]]],
    }


def keras_3(name: str, class_name: str, constant: float) -> dict:
    tensor = {"class_name": "__keras_tensor__", "config": {"keras_history": ["input_1", 0, 0]}}
    return {
        "module": "keras.src.ops.numpy",
        "class_name": class_name,
        "config": {"name": name},
        "name": name,
        "inbound_nodes": [{"args": [tensor, constant], "kwargs": {}}],
    }


def write(path, operators: list[dict], arrays=None):
    """A model of operators, a mean over the image and a dense layer."""
    config = old_layouts.functional(
        [
            ("InputLayer", "input_1", {"batch_input_shape": [None, 4, 4, 3]}, []),
            ("GlobalAveragePooling2D", "pool", {}, [operators[-1]["name"]]),
            ("Dense", "head", {"units": 2, "activation": "softmax", "use_bias": True}, ["pool"]),
        ]
    )
    config["config"]["layers"][1:1] = operators
    return old_layouts.write(path, {**(arrays or {}), **old_layouts.draw(HEAD)}, config, "2.0.8")


def pixels_of(model) -> np.ndarray:
    """What the pooling layer gets."""
    return np.asarray(keras.Model(model.input, model.get_layer("pool").input)(X))


REVERSED = {"slice_spec": [{"class_name": "__ellipsis__"}, {"start": None, "stop": None, "step": -1}]}
SCALINGS = {
    "a division": ([operator("a", "math.truediv", *from_input(255.0))], X / 255),
    "a product, the constant first": (
        [operator("a", "math.multiply", "_CONSTANT_VALUE", -1, 1 / 255, {"y": ["input_1", 0, 0]})],
        X / 255,
    ),
    "1 minus x": (
        [
            operator("a", "math.truediv", *from_input(255.0)),
            operator("b", "math.subtract", "_CONSTANT_VALUE", -1, 1.0, {"y": ["a", 0, 0]}),
        ],
        1 - X / 255,
    ),
    "preprocess_input of MobileNet": (
        [
            operator("a", "math.truediv", *from_input(127.5)),
            operator("b", "math.subtract", *from_input(1.0, source="a")),
        ],
        X / 127.5 - 1,
    ),
    "preprocess_input of DenseNet": (
        [
            operator("a", "math.truediv", *from_input(255.0)),
            operator("b", "nn.bias_add", *from_input([-value for value in MEAN], "bias", "a")),
            operator("c", "math.truediv", *from_input(STD, source="b")),
        ],
        (X / 255 - MEAN) / STD,
    ),
    "preprocess_input of ResNet": (
        [
            operator("a", "__operators__.getitem", "input_1", 0, 0, REVERSED, kind="SlicingOpLambda"),
            operator("b", "nn.bias_add", *from_input([-103.939, -116.779, -123.68], "bias", "a")),
        ],
        X[..., ::-1] - [103.939, 116.779, 123.68],
    ),
    "a cast": (
        [
            operator("a", "cast", *from_input("float32", "dtype")),
            operator("b", "math.truediv", *from_input(255.0, source="a")),
        ],
        X / 255,
    ),
    "TensorFlow 2.0": ([op_layer("tf_op_layer_truediv", "RealDiv", 255.0)], X / 255),
    "Keras 3": ([keras_3("true_divide", "TrueDivide", 255.0)], X / 255),
}


@pytest.mark.parametrize("kind", SCALINGS)
def test_scaling_becomes_one_layer(tmp_path, kind):
    operators, wanted = SCALINGS[kind]
    converted = convert(write(tmp_path / "old.h5", operators))
    plain = keras.saving.load_model(tmp_path / "old.keras")
    for model in (converted.model, plain):
        np.testing.assert_allclose(pixels_of(model), wanted, rtol=1e-5, atol=1e-4)
        assert sum(isinstance(layer, keras.layers.Rescaling) for layer in model.layers) == 1
    text = " ".join(converted.notes)
    assert "a Rescaling layer now: times" in text
    assert "The converted network scales the pixels itself" in text
    with pytest.raises(RunError, match="scales its pixels itself: convert it without `raw_pixels`"):
        convert(tmp_path / "old.h5", raw_pixels=True, overwrite=True)


def test_a_scaling_that_others_read_stays_apart(tmp_path):
    operators = [
        operator("a", "math.truediv", *from_input(255.0)),
        operator("b", "math.subtract", *from_input(1.0, source="a")),
        operator("c", "math.add", "a", 0, 0, {"y": ["b", 0, 0], "name": None}),
    ]
    model = convert(write(tmp_path / "old.h5", operators)).model
    np.testing.assert_allclose(pixels_of(model), 2 * X / 255 - 1, atol=1e-5)


def test_a_normalization_keeps_what_it_was_adapted_to(tmp_path):
    layer = {"class_name": "Normalization", "config": {"name": "n", "axis": [-1], "mean": None}, "name": "n"}
    layer["inbound_nodes"] = [[["input_1", 0, 0, {}]]]
    arrays = {
        "n": {"mean": np.float32([10, 20, 30]), "variance": np.float32([4, 9, 16]), "count": np.int64(7)}
    }
    converted = convert(write(tmp_path / "old.h5", [layer], arrays))
    plain = keras.saving.load_model(tmp_path / "old.keras")
    for model in (converted.model, plain):
        np.testing.assert_allclose(pixels_of(model), (X - [10, 20, 30]) / [2, 3, 4], atol=1e-4)
    assert "scales the pixels itself, in n" in converted.notes[-1]


def test_layers_of_training_alone_pass_on_what_they_get(tmp_path):
    layer = {"class_name": "RandomFlip", "config": {"name": "f", "mode": "horizontal"}, "name": "f"}
    layer["inbound_nodes"] = [[["input_1", 0, 0, {}]]]
    converted = convert(write(tmp_path / "old.h5", [layer]))
    np.testing.assert_array_equal(pixels_of(converted.model), X)
    assert "Layer f (RandomFlip) only acts in training, and does nothing here." in converted.notes


CROP = {"slice_spec": [{"start": None, "stop": None, "step": None}, {"start": 1, "stop": 3, "step": None}]}


@pytest.mark.parametrize(
    ("layer", "says"),
    [
        (
            operator("a", "math.sqrt", "input_1", 0, 0, {}),
            "it is the operator math.sqrt, which is not one of",
        ),
        (operator("a", "__operators__.getitem", "input_1", 0, 0, CROP), r"only x\[..., ::-1\] is"),
        (
            operator("a", "math.truediv", "_CONSTANT_VALUE", -1, 1.0, {"y": ["input_1", 0, 0]}),
            "is no scaling",
        ),
        (operator("a", "math.truediv", *from_input(0.0)), "a number other than 0"),
        (
            operator("a", "math.multiply", *from_input([[1.0, 2.0], [3.0, 4.0]])),
            "one number for each channel",
        ),
        (operator("a", "math.multiply", *from_input("half")), "which is not a number"),
        (operator("a", "cast", *from_input("uint8", "dtype")), "it makes uint8 of what it reads"),
        (op_layer("a", "Sqrt", 1.0), "it is the operator Sqrt"),
    ],
)
def test_what_is_no_scaling_is_named(tmp_path, layer, says):
    with pytest.raises(RunError, match=rf"Layer a \(\w+\): .*{says}"):
        convert(write(tmp_path / "old.h5", [layer]))


def test_every_layer_that_cannot_be_rebuilt_is_named(tmp_path):
    layers = [
        ("InputLayer", "input_1", {"batch_input_shape": [None, 4, 4, 3]}, []),
        ("Lambda", "scale", {"function": ["4wE=", None, None]}, ["input_1"]),
        ("GlobalAveragePooling2D", "pool", {}, ["scale"]),
        ("Mine", "mine", {}, ["pool"]),
        ("Dense", "head", {"units": 2, "use_bias": True}, ["mine"]),
    ]
    old_layouts.write(tmp_path / "old.h5", old_layouts.draw(HEAD), old_layouts.functional(layers), "2.0.8")
    with pytest.raises(RunError) as caught:
        convert(tmp_path / "old.h5")
    text = str(caught.value)
    assert (
        "Layer scale (Lambda): it is Python code stored in the file, and code from a file is never run."
        in text
    )
    assert "(Rescaling, if it scales pixels)" in text
    assert text.endswith("1 more cannot be rebuilt: mine.")


def test_a_saved_model_is_explained(tmp_path):
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "saved_model.pb").write_bytes(b"")
    with pytest.raises(RunError, match="is a SavedModel folder, which holds a graph and no layers"):
        convert(tmp_path / "export")
