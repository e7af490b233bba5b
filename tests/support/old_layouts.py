"""Old HDF5 model files written by hand, as Keras 1.2 and Keras 2.0 laid them out, and edited ones."""

import json
from pathlib import Path

import h5py
import numpy as np

# How Keras 1 ended the names of arrays; its running_std held the variance.
KERAS_1 = {
    "kernel": "_W",
    "bias": "_b",
    "gamma": "_gamma",
    "beta": "_beta",
    "moving_mean": "_running_mean",
    "moving_variance": "_running_std",
}


def write(path: Path, arrays: dict[str, dict[str, np.ndarray]], config: dict | None, version: str) -> Path:
    """A model file, or a weights file if `config` is None.

    Args:
        path: the file.
        arrays: layer -> role -> numbers, in order.
        config: the model_config.
        version: "1.2.2" or "2.0.8": how arrays are named.
    """
    with h5py.File(path, "w") as file:
        root = file if config is None else file.create_group("model_weights")
        for group in {file, root}:
            group.attrs["keras_version"] = version.encode()
            group.attrs["backend"] = b"tensorflow"
        root.attrs["layer_names"] = np.array([name.encode() for name in arrays])
        for layer, roles in arrays.items():
            ends = KERAS_1 if version.startswith("1") else {role: f"/{role}:0" for role in roles}
            names = {f"{layer}{ends[role]}": numbers for role, numbers in roles.items()}
            group = root.create_group(layer)
            group.attrs["weight_names"] = np.array([name.encode() for name in names], "S64")
            for name, numbers in names.items():
                group[name] = numbers
        if config is not None:
            file.attrs["model_config"] = json.dumps(config).encode()
            optimizer = {"class_name": "Adam", "config": {"lr": 0.001, "decay": 0.0, "beta_1": 0.9}}
            training = {
                "optimizer_config": optimizer,
                "loss": "categorical_crossentropy",
                "metrics": ["accuracy"],
            }
            file.attrs["training_config"] = json.dumps(training).encode()
            state = file.create_group("optimizer_weights")
            state.attrs["weight_names"] = np.array([b"Adam/iterations:0", b"training/Adam/Variable:0"])
            state["Adam/iterations:0"] = np.int64(17)
            state["training/Adam/Variable:0"] = np.zeros(3, "float32")
    return path


def read(path: Path) -> dict[str, dict[str, np.ndarray]]:
    """The arrays of a Keras 2 file: layer -> role -> numbers, for layers that have any."""
    with h5py.File(path) as file:
        root = file.get("model_weights", file)
        return {
            layer: {name.split("/")[-1].split(":")[0]: root[layer][name][()] for name in names}
            for layer in root.attrs["layer_names"]
            if len(names := root[layer].attrs["weight_names"])
        }


def renamed(arrays: dict, names: dict[str, str]) -> dict:
    return {names.get(layer, layer): roles for layer, roles in arrays.items()}


def functional(layers: list[tuple[str, str, dict, list[str]]], class_name: str = "Model") -> dict:
    """A model_config of (class, name, arguments, names of the layers that it reads from)."""
    entries = [
        {
            "class_name": kind,
            "name": name,
            "config": {"name": name, "trainable": True, **arguments},
            "inbound_nodes": [[[source, 0, 0] for source in sources]] if sources else [],
        }
        for kind, name, arguments, sources in layers
    ]
    ends = {"input_layers": [[layers[0][1], 0, 0]], "output_layers": [[layers[-1][1], 0, 0]]}
    return {"class_name": class_name, "config": {"name": "model_1", "layers": entries, **ends}}


def convolution_1(filters: int, size: int = 3, stride: int = 1) -> dict:
    """Arguments of Keras 1's Convolution2D."""
    return {
        "nb_filter": filters,
        "nb_row": size,
        "nb_col": size,
        "subsample": [stride, stride],
        "border_mode": "same",
        "dim_ordering": "tf",
        "init": "glorot_uniform",
        "activation": "linear",
        "W_regularizer": {"name": "WeightRegularizer", "l1": 0.0, "l2": 1e-4},
        "b_regularizer": None,
        "activity_regularizer": None,
        "W_constraint": None,
        "b_constraint": None,
        "bias": True,
    }


NORM_1 = {
    "epsilon": 0.01,
    "mode": 0,
    "axis": 3,
    "momentum": 0.99,
    "gamma_init": "one",
    "beta_init": "zero",
    "gamma_regularizer": None,
    "beta_regularizer": None,
}
MERGE_1 = {
    "mode": "sum",
    "mode_type": "raw",
    "concat_axis": -1,
    "dot_axes": -1,
    "output_shape": None,
    "output_shape_type": "raw",
    "output_mask": None,
    "output_mask_type": "raw",
    "arguments": {},
}


def keras_1_config() -> dict:
    """A network of one block as Keras 1 wrote it."""
    pool = {"pool_size": [4, 4], "strides": [4, 4], "border_mode": "valid", "dim_ordering": "tf"}
    return functional(
        [
            ("InputLayer", "input_1", {"batch_input_shape": [None, 8, 8, 3], "input_dtype": "float32"}, []),
            ("ZeroPadding2D", "zeropadding2d_1", {"padding": [1, 1], "dim_ordering": "tf"}, ["input_1"]),
            (
                "Convolution2D",
                "stem",
                convolution_1(6, stride=2) | {"border_mode": "valid"},
                ["zeropadding2d_1"],
            ),
            ("BatchNormalization", "bn_stem", NORM_1, ["stem"]),
            ("Activation", "activation_1", {"activation": "relu"}, ["bn_stem"]),
            ("Convolution2D", "conv", convolution_1(6), ["activation_1"]),
            ("Merge", "merge_1", MERGE_1, ["conv", "activation_1"]),
            ("AveragePooling2D", "averagepooling2d_1", pool, ["merge_1"]),
            ("Flatten", "flatten_1", {}, ["averagepooling2d_1"]),
            ("Dropout", "dropout_1", {"p": 0.5}, ["flatten_1"]),
            (
                "Dense",
                "dense_1",
                {
                    "output_dim": 4,
                    "init": "he_normal",
                    "activation": "softmax",
                    "bias": True,
                    "input_dim": None,
                },
                ["dropout_1"],
            ),
        ]
    )


def keras_2_sequential() -> dict:
    """A chain as Keras 2.0 wrote it: a bare list, initializers under their old names."""
    scaling = {"class_name": "VarianceScaling"}
    scaling["config"] = {"scale": 1.0, "mode": "fan_avg", "distribution": "normal", "seed": None}
    convolution = {
        "name": "conv2d_1",
        "trainable": False,
        "batch_input_shape": [None, 8, 8, 3],
        "dtype": "float32",
        "filters": 6,
        "kernel_size": [3, 3],
        "strides": [2, 2],
        "padding": "same",
        "data_format": "channels_last",
        "dilation_rate": [1, 1],
        "activation": "relu",
        "use_bias": True,
        "kernel_initializer": scaling,
        "bias_initializer": {"class_name": "Zeros", "config": {}},
        "kernel_regularizer": {"class_name": "L1L2", "config": {"l1": 0.0, "l2": 1e-4}},
        "bias_regularizer": None,
        "activity_regularizer": None,
        "kernel_constraint": None,
        "bias_constraint": None,
    }
    dense = {"name": "dense_1", "units": 4, "activation": "softmax", "use_bias": True}
    return {
        "class_name": "Sequential",
        "config": [
            {"class_name": "Conv2D", "config": convolution},
            {"class_name": "Flatten", "config": {"name": "flatten_1", "trainable": True}},
            {"class_name": "Dense", "config": dense},
        ],
    }


# Shapes of the arrays of the two networks above.
NORM = {"gamma": (6,), "beta": (6,), "moving_mean": (6,), "moving_variance": (6,)}
SMALL = {
    "stem": {"kernel": (3, 3, 3, 6), "bias": (6,)},
    "bn_stem": NORM,
    "conv": {"kernel": (3, 3, 6, 6), "bias": (6,)},
    "dense_1": {"kernel": (6, 4), "bias": (4,)},
}
CHAIN = {
    "conv2d_1": {"kernel": (3, 3, 3, 6), "bias": (6,)},
    "dense_1": {"kernel": (96, 4), "bias": (4,)},
}


def draw(shapes: dict[str, dict[str, tuple[int, ...]]], seed: int = 0) -> dict:
    """Random arrays, positive for all that could be a variance."""
    rng = np.random.default_rng(seed)
    return {
        layer: {role: rng.uniform(0.1, 0.9, shape).astype("float32") for role, shape in roles.items()}
        for layer, roles in shapes.items()
    }
