"""The tables of names behind `residual.course`, `residual.course.tf1` and `residual.course.tf2`.

Each name is loaded when it is first used, so that the checker, which belongs to them, starts without Keras.
"""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from residual.course.missing import Missing

_KERAS = {
    "keras.callbacks": ("LearningRateScheduler", "ModelCheckpoint", "ReduceLROnPlateau"),
    "keras.initializers": (
        "Constant",
        "RandomUniform",
        "constant",
        "glorot_uniform",
        "identity",
        "random_uniform",
    ),
    "keras.layers": (
        "Activation",
        "Add",
        "AveragePooling2D",
        "BatchNormalization",
        "Conv2D",
        "Dense",
        "Dropout",
        "Flatten",
        "GlobalAveragePooling2D",
        "GlobalMaxPooling2D",
        "Input",
        "MaxPool2D",
        "MaxPooling2D",
        "ZeroPadding2D",
    ),
    "keras.models": ("Model", "load_model"),
    "keras.optimizers": ("Adam",),
    "keras.regularizers": ("l2",),
    "keras.utils": ("get_file", "model_to_dot", "plot_model", "to_categorical"),
}
_OWN = {
    "residual.checker": ("check", "print_report"),
    "residual.course.data": ("ImageDataGenerator", "convert_to_one_hot", "load_dataset"),
    "residual.course.images": ("preprocess_input",),
    "residual.course.initializers": (
        "tf1_glorot_uniform",
        "tf1_random_uniform",
        "tf2_glorot_uniform",
        "tf2_random_uniform",
        "tf2_set_seed",
    ),
    "residual.course.networks": (
        "ResNet50",
        "convolutional_block",
        "identity_block",
        "lr_schedule",
        "resnet_layer",
        "resnet_v1",
        "resnet_v2",
    ),
    "residual.course.old_modules": ("layer_utils",),
    "residual.course.keras_backend": ("K",),
    "residual.course.testing": ("comparator", "convolutional_block_test", "identity_block_test", "summary"),
}
_HOME = {name: module for table in (_KERAS, _OWN) for module, names in table.items() for name in names}
_MODULES = {
    "cifar10": "residual.course.cifar10",
    "image": "residual.course.images",
    "json": "json",
    "keras": "keras",
    "layers": "keras.layers",
    "np": "numpy",
    "os": "os",
    "public_tests": "residual.course.testing",
}
# What not everybody has installed: (module, attribute or "").
_OPTIONAL = {
    "SVG": ("IPython.display", "SVG"),
    "imshow": ("matplotlib.pyplot", "imshow"),
    "plt": ("matplotlib.pyplot", ""),
}
# The initializers of an era: the names that notebooks give them -> the class here.
ERAS = {
    version: {
        "GlorotUniform": f"TF{version}GlorotUniform",
        "RandomUniform": f"TF{version}RandomUniform",
        "glorot_uniform": f"TF{version}GlorotUniform",
        "random_uniform": f"TF{version}RandomUniform",
    }
    for version in (1, 2)
}


def make_loader(module: str, version: int | None = None) -> tuple[list[str], Callable[[str], Any]]:
    """(`__all__`, `__getattr__`) of a module of names.

    Args:
        module: its own name, for the error.
        version: 1 or 2 for the initializers and the `tf` of that era; None for Keras 3's.
    """
    own: Mapping[str, Callable[[], Any]] = {
        "tf": lambda: _make_tf(version),
        "EagerTensor": _find_array_type,
        **{
            name: lambda name=name: _find_initializers(version)[name]
            for name in (ERAS[version] if version else ())
        },
        **({"keras": lambda: _make_tf(version).keras} if version else {}),
    }
    names = {*_HOME, *_MODULES, *_OPTIONAL, *own}

    def load(name: str):
        if name in own:
            return own[name]()
        if name in _HOME:
            return getattr(importlib.import_module(_HOME[name]), name)
        if name in _MODULES:
            return importlib.import_module(_MODULES[name])
        if name in _OPTIONAL:
            return _load_optional(name)
        raise AttributeError(f"module {module!r} has no attribute {name!r}")

    return sorted(names), load


def _load_optional(name: str):
    module, attribute = _OPTIONAL[name]
    try:
        loaded = importlib.import_module(module)
    except ImportError:
        return Missing(name, module)
    return getattr(loaded, attribute) if attribute else loaded


def _find_array_type() -> type:
    import keras

    return type(keras.ops.zeros(1))


def _find_initializers(version: int | None) -> dict[str, type]:
    from residual.course import initializers

    return {name: getattr(initializers, home) for name, home in ERAS.get(version or 0, {}).items()}


def _make_tf(version: int | None):
    from residual.course.arrays import add_numpy_method
    from residual.course.small_tf import make_tf

    add_numpy_method()
    return make_tf(version or 2, tuple(_find_initializers(version).items()))
