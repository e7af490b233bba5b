"""Residual networks that train honestly on the machine you have.

    import residual

    run = residual.train("digits")                     # runs/digits-cifar-resnet8-1
    scores = run.evaluate()                            # the test set, read here and nowhere else
    residual.predict(run.folder.path, "photo.jpg")     # label and probabilities

Importing this package loads nothing heavy: Keras comes with the first name that needs it.
"""

import importlib
from typing import TYPE_CHECKING

from residual import backend
from residual.errors import DataError, NetworkError, RecipeError, ResidualError, RunError
from residual.spec import NetworkSpec

if TYPE_CHECKING:  # what `__getattr__` finds, for editors and type checkers
    from residual._api import build, evaluate, predict, resume, train
    from residual._run import Run
    from residual.blocks import convolutional_block, identity_block
    from residual.checker import check
    from residual.data.load import load_data
    from residual.evaluation.comparison import compare
    from residual.networks import network, stage_outputs
    from residual.training.listing import runs
    from residual.training.recipes import Recipe, recipe

__version__ = "0.1.0"

__all__ = [
    "DataError",
    "NetworkError",
    "NetworkSpec",
    "Recipe",
    "RecipeError",
    "ResidualError",
    "Run",
    "RunError",
    "__version__",
    "build",
    "check",
    "compare",
    "convolutional_block",
    "evaluate",
    "identity_block",
    "load_data",
    "network",
    "predict",
    "recipe",
    "resume",
    "runs",
    "stage_outputs",
    "train",
]

_MODULES = {
    "residual._api": ("build", "evaluate", "predict", "resume", "train"),
    "residual.blocks": ("convolutional_block", "identity_block"),
    "residual.checker": ("check",),
    "residual.data.load": ("load_data",),
    "residual.evaluation.comparison": ("compare",),
    "residual.networks": ("network", "stage_outputs"),
    "residual._run": ("Run",),
    "residual.training.listing": ("runs",),
    "residual.training.recipes": ("Recipe", "recipe"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

backend.prefer_backend()


def __getattr__(name: str):
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'residual' has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULE_OF[name]), name)


def __dir__():
    return sorted(__all__)
