"""Residual networks that train honestly on the machine you have.

    import residual

    run = residual.train("digits")                     # runs/digits-cifar-resnet8-1
    scores = run.evaluate()                            # the test set, read here and nowhere else
    residual.predict(run.folder.path, "photo.jpg")     # label and probabilities

Importing this package loads nothing heavy: Keras comes with the first name that needs it.
"""

import importlib

from residual import kernels
from residual.errors import DataError, NetworkError, RecipeError, ResidualError, RunError
from residual.spec import NetworkSpec

__version__ = "0.1.0"

_HOMES = {
    "residual.api": ("build", "evaluate", "predict", "resume", "train"),
    "residual.blocks": ("convolutional_block", "identity_block"),
    "residual.data.load": ("load_data",),
    "residual.run": ("Run",),
    "residual.evaluation.comparison": ("compare",),
    "residual.networks": ("network", "stage_outputs"),
    "residual.training.listing": ("runs",),
    "residual.training.recipes": ("Recipe", "recipe"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "DataError",
    "NetworkError",
    "NetworkSpec",
    "RecipeError",
    "ResidualError",
    "RunError",
    *_HOME,
]

kernels.prefer_backend()


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module 'residual' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__():
    return sorted([*globals(), *__all__])
