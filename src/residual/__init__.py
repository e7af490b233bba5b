"""Residual networks that train honestly on the machine you have.

    import residual

    run = residual.train("digits")                     # runs/digits-cifar-resnet8-1
    scores = run.evaluate()                            # the test set, read here and nowhere else
    residual.predict(run, "photo.jpg")                 # label and probabilities
    residual.list_runs()                               # all runs, newest first

Importing this package loads nothing heavy: Keras comes with the first name that needs it.
"""

import importlib
from typing import TYPE_CHECKING

from residual import backend
from residual._version import __version__
from residual.errors import DataError, NetworkError, RecipeError, ResidualError, RunError

if TYPE_CHECKING:  # what `__getattr__` finds, for editors and type checkers
    from residual._api import build, evaluate, export, predict, resume, train, train_series
    from residual._open import open_run
    from residual._run import Run
    from residual._verbs.doctor import doctor
    from residual._verbs.embed import embed
    from residual._verbs.explain import explain, save_features
    from residual._verbs.find_rate import find_rate
    from residual._verbs.plan import plan
    from residual._verbs.report import write_report
    from residual._verbs.study import run_study
    from residual.auditing.audit import audit
    from residual.checker import check
    from residual.data.drawn_hands.hands import render_hand
    from residual.data.load import load_data
    from residual.evaluation.compare import compare_runs
    from residual.evaluation.metrics import score
    from residual.importers import convert, load_weights, open_pretrained
    from residual.inspection import summarize
    from residual.models.build import stage_outputs
    from residual.models.course_blocks import convolutional_block, identity_block
    from residual.models.spec import NetworkSpec
    from residual.runs.history import list_runs
    from residual.training.batch_norm import recompute_batch_norm
    from residual.training.find_recipe import load_recipe
    from residual.training.job import split_validation
    from residual.training.recipe import Recipe

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
    "audit",
    "build",
    "check",
    "compare_runs",
    "convert",
    "convolutional_block",
    "doctor",
    "embed",
    "evaluate",
    "explain",
    "export",
    "find_rate",
    "identity_block",
    "list_runs",
    "load_data",
    "load_recipe",
    "load_weights",
    "open_pretrained",
    "open_run",
    "plan",
    "predict",
    "recompute_batch_norm",
    "render_hand",
    "resume",
    "run_study",
    "save_features",
    "score",
    "split_validation",
    "stage_outputs",
    "summarize",
    "train",
    "train_series",
    "write_report",
]

_MODULES = {
    "residual._api": ("build", "evaluate", "export", "predict", "resume", "train", "train_series"),
    "residual._verbs.embed": ("embed",),
    "residual._verbs.doctor": ("doctor",),
    "residual._verbs.explain": ("explain", "save_features"),
    "residual._verbs.find_rate": ("find_rate",),
    "residual._verbs.plan": ("plan",),
    "residual._open": ("open_run",),
    "residual._run": ("Run",),
    "residual._verbs.report": ("write_report",),
    "residual._verbs.study": ("run_study",),
    "residual.auditing.audit": ("audit",),
    "residual.checker": ("check",),
    "residual.data.drawn_hands.hands": ("render_hand",),
    "residual.data.load": ("load_data",),
    "residual.evaluation.compare": ("compare_runs",),
    "residual.evaluation.metrics": ("score",),
    "residual.importers": ("convert", "load_weights", "open_pretrained"),
    "residual.inspection": ("summarize",),
    "residual.models.build": ("stage_outputs",),
    "residual.models.course_blocks": ("convolutional_block", "identity_block"),
    "residual.runs.history": ("list_runs",),
    "residual.models.spec": ("NetworkSpec",),
    "residual.training.batch_norm": ("recompute_batch_norm",),
    "residual.training.job": ("split_validation",),
    "residual.training.recipe": ("Recipe",),
    "residual.training.find_recipe": ("load_recipe",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

# These import Keras as soon as they are imported themselves.
_NEED_KERAS = (
    "residual.importers",
    "residual.inspection",
    "residual.models.build",
    "residual.models.course_blocks",
    "residual.training.batch_norm",
    "residual.training.job",
)

backend.prefer_backend()


def __getattr__(name: str):
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'residual' has no attribute {name!r}")
    if _MODULE_OF[name] in _NEED_KERAS:
        backend.import_keras_quietly()
    return getattr(importlib.import_module(_MODULE_OF[name]), name)


def __dir__():
    return sorted(__all__)
