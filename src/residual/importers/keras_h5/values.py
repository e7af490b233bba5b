"""Translate the values in an old layer's configuration to Keras 3: initializers, regularizers, activations.

Every value is built by a name from a table here. Nothing in a file is looked up, imported or called.
"""

import keras

from residual.errors import RunError

# Activations that compute in Keras 3 what they computed before. (hard_sigmoid has another slope now.)
_ACTIVATIONS = {
    *("linear", "relu", "relu6", "softmax", "sigmoid", "tanh", "elu", "selu", "softplus", "softsign"),
    *("exponential", "swish", "silu", "gelu"),
}
_ACTIVATION_ALIASES = {"relu_v2": "relu", "softmax_v2": "softmax"}

# Keras 1 wrote short names; Keras 2 and 3 write the class.
_INITIALIZERS = {
    "zero": ("Zeros", {}),
    "one": ("Ones", {}),
    "uniform": ("RandomUniform", {}),
    "normal": ("RandomNormal", {}),
}
_INITIALIZER_ARGUMENTS = {
    "Zeros": (),
    "Ones": (),
    "Constant": ("value",),
    "RandomUniform": ("minval", "maxval"),
    "RandomNormal": ("mean", "stddev"),
    "TruncatedNormal": ("mean", "stddev"),
    "Orthogonal": ("gain",),
    "VarianceScaling": ("scale", "mode", "distribution"),
    "GlorotUniform": (),
    "GlorotNormal": (),
    "HeUniform": (),
    "HeNormal": (),
    "LecunUniform": (),
    "LecunNormal": (),
}


def split_name(value) -> tuple[str, dict]:
    """(class name, configuration) of a value that is a name or a table; ("", {}) of anything else."""
    if isinstance(value, str):
        return value, {}
    if not isinstance(value, dict):
        return "", {}
    config = value.get("config", {key: value[key] for key in value if key not in ("name", "class_name")})
    name = value.get("class_name", value.get("name", ""))
    return (name, config) if isinstance(name, str) and isinstance(config, dict) else ("", {})


def translate_activation(value) -> str:
    """The name of a stock activation; RunError for any other."""
    name, config = split_name(value) if value is not None else ("linear", {})
    if name == "Activation":  # some versions wrote a layer as the argument
        name, _ = split_name(config.get("activation"))
    name = _ACTIVATION_ALIASES.get(name, name)
    if name not in _ACTIVATIONS:
        raise RunError(f"its activation is {value!r}; only {', '.join(sorted(_ACTIVATIONS))} are rebuilt")
    return name


def translate_initializer(value) -> keras.initializers.Initializer | None:
    """A stock initializer, or None for any other: the weights come from the file in any case."""
    name, config = split_name(value)
    name, config = _INITIALIZERS.get(name, (name, config))
    name = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    if name not in _INITIALIZER_ARGUMENTS:
        return None
    arguments = {key: config[key] for key in _INITIALIZER_ARGUMENTS[name] if config.get(key) is not None}
    if arguments.get("distribution") == "normal":
        arguments["distribution"] = "truncated_normal"
    try:
        return getattr(keras.initializers, name)(**arguments)
    except (TypeError, ValueError):
        return None


def translate_regularizer(value) -> keras.regularizers.Regularizer | None:
    """An L1 or L2 penalty, or None for any other."""
    name, config = split_name(value)
    if name.removesuffix("Regularizer") not in ("L1", "L2", "L1L2", "Weight"):
        return None
    l1, l2 = (float(config.get(key) or 0) for key in ("l1", "l2"))
    return keras.regularizers.L1L2(l1, l2) if l1 else keras.regularizers.L2(l2)


def check_data_format(value) -> None:
    """Accept channels last, which the package computes in; RunError for channels first."""
    if value in ("channels_first", "th"):
        raise RunError(
            "it keeps channels before height and width (channels_first), which is not rebuilt: the "
            "networks of this package are channels_last"
        )


def read_dtype(value) -> str:
    """The name of a layer's number format: "float32", "mixed_float16", ..."""
    name, config = split_name(value)
    return str(config.get("name", name))
