"""Make a stock layer of Keras 3 from the configuration of a layer of Keras 1, 2 or 3.

A row of the table says which arguments a layer has. An argument that no row names and that is not empty
is refused: it could change what the network computes. A layer without a row is refused too. So is
`Lambda`; its Python code in the file is neither decoded nor run.
"""

import keras

from residual.errors import RunError
from residual.importers.assign import make_safe_name
from residual.importers.keras_h5 import values

_RENAMED = {
    "nb_filter": "filters",
    "output_dim": "units",
    "subsample": "strides",
    "border_mode": "padding",
    "dim_ordering": "data_format",
    "bias": "use_bias",
    "init": "kernel_initializer",
    "gamma_init": "gamma_initializer",
    "beta_init": "beta_initializer",
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "b_constraint": "bias_constraint",
    "p": "rate",
    "alpha": "negative_slope",
    "concat_axis": "axis",
}
_ALIASES = {
    "Convolution2D": "Conv2D",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "MaxPool2D": "MaxPooling2D",
    "AvgPool2D": "AveragePooling2D",
    "GlobalAvgPool2D": "GlobalAveragePooling2D",
    "GlobalMaxPool2D": "GlobalMaxPooling2D",
}
_MERGE = {"sum": "Add", "mul": "Multiply", "ave": "Average", "max": "Maximum", "concat": "Concatenate"}

_WEIGHTS = ("use_bias", "activation", "kernel_initializer", "bias_initializer")
_PENALTIES = ("kernel_regularizer", "bias_regularizer")
_POOL = ("pool_size", "strides", "padding")
_NORM = ("axis", "momentum", "epsilon", "center", "scale", "gamma_initializer", "beta_initializer")

# Class name -> (arguments that must be there, arguments that may be).
_ROWS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "Conv2D": (
        ("filters", "kernel_size"),
        ("strides", "padding", "dilation_rate", "groups", *_WEIGHTS, *_PENALTIES),
    ),
    "Dense": (("units",), (*_WEIGHTS, *_PENALTIES)),
    # A layer of somebody's own may be called BatchNormalization as well; the stock one writes its epsilon.
    "BatchNormalization": (("epsilon",), (*_NORM, "gamma_regularizer", "beta_regularizer")),
    "Activation": (("activation",), ()),
    "ReLU": ((), ("max_value", "negative_slope", "threshold")),
    "LeakyReLU": ((), ("negative_slope",)),
    "Softmax": ((), ("axis",)),
    "Dropout": (("rate",), ()),
    "SpatialDropout2D": (("rate",), ()),
    "ZeroPadding2D": ((), ("padding",)),
    "MaxPooling2D": ((), _POOL),
    "AveragePooling2D": ((), _POOL),
    "GlobalAveragePooling2D": ((), ("keepdims",)),
    "GlobalMaxPooling2D": ((), ("keepdims",)),
    "Flatten": ((), ()),
    "Reshape": (("target_shape",), ()),
    "Rescaling": (("scale",), ("offset",)),
    "Normalization": ((), ("axis", "mean", "variance", "invert")),
    "Add": ((), ()),
    "Multiply": ((), ()),
    "Subtract": ((), ()),
    "Average": ((), ()),
    "Maximum": ((), ()),
    "Concatenate": ((), ("axis",)),
}

# Layers that pass on what they get, but in training.
_ONLY_TRAINING = frozenset(
    (
        *(
            "RandomFlip",
            "RandomRotation",
            "RandomZoom",
            "RandomTranslation",
            "RandomContrast",
            "RandomBrightness",
        ),
        *(
            "RandomHeight",
            "RandomWidth",
            "GaussianNoise",
            "GaussianDropout",
            "AlphaDropout",
            "ActivityRegularization",
        ),
    )
)

# Arguments that do not change what a layer computes.
_IDLE = {
    *("name", "trainable", "dtype", "batch_input_shape", "batch_shape", "input_dtype", "input_dim", "seed"),
    *("moving_mean_initializer", "moving_variance_initializer", "quantization_config"),
    *("renorm_clipping", "renorm_momentum"),  # of renorm=True, which is refused
}


def make_layer(class_name: str, entry: dict, name: str, notes: list[str]) -> keras.layers.Layer:
    """The stock layer for one entry of an old configuration.

    Args:
        class_name: as the file has it, e.g. "Convolution2D".
        entry: the layer's entry: its "config" and what stands beside it.
        name: the layer's name.
        notes: gets a note for every argument that is left out.

    Raises:
        RunError: a layer that is not stock, or an argument that cannot be kept.
    """
    config = dict(entry.get("config") or {})
    _check_stock(class_name, entry)
    class_name = _ALIASES.get(class_name.rsplit(">", 1)[-1], class_name.rsplit(">", 1)[-1])
    if class_name == "Merge":
        class_name, config = _translate_merge(config)
    if class_name == "BatchNormalization" and config.pop("mode", 0) != 0:
        raise RunError("it normalizes in a mode of Keras 1 (mode 1 or 2) that no Keras 3 layer has")
    if class_name in _ONLY_TRAINING:
        notes.append(f"Layer {name} ({class_name}) only acts in training, and does nothing here.")
        class_name, config = "Activation", {"activation": "linear"}
    if class_name not in _ROWS:
        raise RunError(f"a {class_name} is not one of the layers that are rebuilt: {', '.join(_ROWS)}")
    if values.read_dtype(config.get("dtype", "float32")) not in ("float32", "", "None"):
        notes.append(
            f"The old network computed in {values.read_dtype(config['dtype'])}; this one in float32."
        )
    arguments = _translate_arguments(class_name, _rename_arguments(config), name, notes)
    layer = getattr(keras.layers, class_name)(name=make_safe_name(name), **arguments)
    layer.trainable = config.get("trainable") is not False
    return layer


def _check_stock(class_name: str, entry: dict) -> None:
    """RunError for code, and for layers that only share the name of a stock layer."""
    if class_name == "Lambda" or (entry.get("config") or {}).get("mode_type") in ("lambda", "function"):
        raise RunError(
            "it is Python code stored in the file, and code from a file is never run. Rebuild the old network with a "
            "stock layer in its place (Rescaling, if it scales pixels), load its weights there and save it again"
        )
    package = str(entry.get("registered_name") or class_name).rpartition(">")[0]
    module = str(entry.get("module") or "keras").split(".")
    if package not in ("", "keras") or module[0] not in ("keras", "tf_keras", "tensorflow"):
        raise RunError(
            f"it is not a layer of Keras but of {package or '.'.join(module)}, and its code is not in the file"
        )


def _translate_merge(config: dict) -> tuple[str, dict]:
    """The class and configuration of Keras 1's Merge, whose modes are classes of their own now."""
    mode = config.pop("mode", None)
    if mode not in _MERGE:
        raise RunError(f"it merges by {mode!r}; only {', '.join(_MERGE)} are rebuilt")
    if config.get("layers"):
        raise RunError("it merges whole networks inside a Sequential, which is not rebuilt")
    axis = {"concat_axis": config.get("concat_axis", -1)} if mode == "concat" else {}
    return _MERGE[mode], {"name": config.get("name"), **axis}


def _rename_arguments(config: dict) -> dict:
    """The configuration, with Keras 1's argument names replaced."""
    config = {_RENAMED.get(key, key): value for key, value in config.items()}
    if "nb_row" in config:
        config["kernel_size"] = [config.pop("nb_row"), config.pop("nb_col")]
    return config


def _translate_arguments(class_name: str, config: dict, name: str, notes: list[str]) -> dict:
    """The layer's arguments as Keras 3 takes them."""
    required, optional = _ROWS[class_name]
    missing = [key for key in required if config.get(key) is None]
    if missing:
        raise RunError(f"its {missing[0]} is not in the file; every stock {class_name} has one")
    arguments = {}
    for key, value in config.items():
        if key == "data_format":
            values.check_data_format(value)
        elif key.endswith(("_constraint", "activity_regularizer")):
            _leave_out(key, value, name, notes)
        elif key in required or key in optional:
            translated = _translate_value(class_name, key, value)
            if value is not None and translated is None:
                _leave_out(key, value, name, notes)
            elif translated is not None:
                arguments[key] = translated
        elif key not in _IDLE and value not in (None, False, [], {}, ""):
            raise RunError(f"its argument {key}={value!r} is unknown for a {class_name}")
    return arguments


def _translate_value(class_name: str, key: str, value):
    if key == "activation":
        return values.translate_activation(value)
    if key.endswith("_initializer"):
        return values.translate_initializer(value)
    if key.endswith("_regularizer"):
        return values.translate_regularizer(value)
    if key == "axis" and isinstance(value, list) and class_name != "Normalization":
        if len(value) != 1:
            raise RunError(f"its axis is {value}; one axis is rebuilt")
        return value[0]
    return value


def _leave_out(key: str, value, name: str, notes: list[str]) -> None:
    """Note an argument that only training would use."""
    if value is not None:
        notes.append(
            f"Layer {name}: its {key} has no counterpart and is left out; it only matters in training."
        )
