"""The modules that old notebooks import and Keras 3 no longer has, with the names that it still has.

`find_old_module("keras.layers.normalization")` has `BatchNormalization`: a name is looked up where Keras 3 keeps it.
"""

import contextlib
import importlib
import types
from typing import Any

import keras

from residual.course.keras_backend import K
from residual.course.missing import NoStandIn

_PLACES = (
    "keras.layers",
    "keras.models",
    "keras.initializers",
    "keras.regularizers",
    "keras.optimizers",
    "keras.callbacks",
    "keras.losses",
    "keras.metrics",
    "keras.constraints",
    "keras.utils",
    "keras.saving",
    "keras.datasets",
    "keras.activations",
    "keras.ops",
    "keras",
)
# Names of `tf` whose namesakes in keras.ops are called otherwise.
_OPERATIONS = {
    "concat": "concatenate",
    "reduce_mean": "mean",
    "reduce_sum": "sum",
    "reduce_max": "max",
    "to_float": "cast",
    "identity": "copy",
}
_TYPES = {"float16", "bfloat16", "float32", "float64", "int32", "int64", "uint8", "bool", "string"}
# Initializers of `tf`, without "_initializer" at their ends, whose namesakes in Keras are called otherwise.
_INITIALIZERS = {
    "xavier": "glorot_uniform",
    "variance_scaling": "VarianceScaling",
    "uniform_unit_scaling": "VarianceScaling",
    "truncated_normal": "TruncatedNormal",
    "random_normal": "RandomNormal",
    "random_uniform": "RandomUniform",
}


def _pass_through(function=None, **options):
    """Stands for `tf.function`: the function as it is, whether or not the decorator has arguments."""
    return function if function is not None else _pass_through


def _make_layer_utils() -> types.ModuleType:
    module = types.ModuleType("layer_utils", "The part of Keras 2's layer_utils that notebooks import.")
    vars(module)["print_summary"] = lambda model, *args, **options: model.summary()
    vars(module)["count_params"] = lambda weights: sum(int(keras.ops.size(weight)) for weight in weights)
    vars(module)["get_source_inputs"] = keras.utils.get_source_inputs
    vars(module)["__getattr__"] = lambda name: _explain_missing(f"layer_utils.{name}")
    return module


def _explain_missing(name: str):
    raise NoStandIn(name, "is not in Keras 3. Use keras, keras.ops or numpy in its place.")


layer_utils = _make_layer_utils()


_TF: dict[str, Any] = {
    **{name: name for name in _TYPES},
    "function": _pass_through,
    "name_scope": contextlib.nullcontext,
    "variable_scope": contextlib.nullcontext,
}


class OldModule(types.ModuleType):
    """A module of Keras 2 or TensorFlow: what Keras 3 has of it, and old names by where they are now.

    Args:
        name: e.g. "keras.engine.topology".
        real: the module of Keras 3 by that name, if there is one.
        on_use: called with the name of each function of `tf` that is called on a Keras tensor.
    """

    def __init__(self, name: str, real: types.ModuleType | None = None, on_use=None):
        super().__init__(name, "A module of old Keras, on Keras 3.")
        self._real, self._on_use = real, on_use

    def __getattr__(self, name: str):
        if name.startswith("__") and name != "__all__":
            raise AttributeError(name)
        if name == "__all__":
            return [one for one in dir(self._real or keras.layers) if not one.startswith("_")]
        found = getattr(self._real, name, None) if self._real is not None else None
        if found is None:
            found = self._find(name)
        if isinstance(found, types.ModuleType) and found.__name__.startswith("keras"):
            return find_old_module(f"{self.__name__}.{name}", self._on_use)
        return found

    def _find(self, name: str):
        if name in ("K", "backend"):
            return K
        if name == "layer_utils":
            return layer_utils
        if hasattr(K, name) and "backend" in self.__name__:
            return getattr(K, name)
        is_tf = self.__name__.startswith("tensorflow") and ".keras" not in self.__name__
        if is_tf and name in _TF:
            return _TF[name]
        if name.endswith("_initializer"):
            stem = name.removesuffix("_initializer")
            found = getattr(keras.initializers, _INITIALIZERS.get(stem, stem), None)
            if found is not None:
                return found
        operation = getattr(keras.ops, _OPERATIONS.get(name, name), None) if is_tf else None
        if operation is not None and not isinstance(operation, types.ModuleType):
            return self._note_use(name, operation)
        child = find_old_module(f"{self.__name__}.{name}", self._on_use)
        if child._real is not None:
            return child
        for place in () if is_tf else _PLACES:
            value = getattr(importlib.import_module(place), name, None)
            if value is not None:
                return value
        return child

    def _note_use(self, name: str, function):
        def call(*args, **options):
            if self._on_use and any(isinstance(x, keras.KerasTensor) for x in keras.tree.flatten(args)):
                self._on_use(f"{self.__name__.replace('tensorflow', 'tf', 1)}.{name}")
            options.pop("name", None)
            return function(*args, **options)

        return call

    def __call__(self, *args, **options):
        _explain_missing(self.__name__)

    def __mro_entries__(self, bases):
        _explain_missing(self.__name__)

    def __or__(self, other):
        return self  # tf.Tensor | None, in a signature

    __ror__ = __or__


def find_old_module(name: str, on_use=None) -> OldModule:
    """The module of old Keras or TensorFlow by this name, whether or not Keras 3 has it.

    Args:
        name: e.g. "tensorflow.keras.layers", "keras.engine".
        on_use: see `OldModule`.
    """
    parts = name.split(".")
    if parts[:2] in (["tensorflow", "python"], ["tensorflow", "compat"]):
        parts = ["tensorflow", *(part for part in parts[2:] if part not in ("v1", "v2"))]
    if "keras" in parts:
        parts = parts[parts.index("keras") :]
    real = ".".join(parts)
    if parts[0] != "keras":
        return OldModule(name, None, on_use)
    try:
        return OldModule(name, importlib.import_module(real), on_use)
    except ImportError:
        return OldModule(name, None, on_use)
