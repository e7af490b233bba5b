"""Small made data and recipes for tests that train."""

import io

import numpy as np
from rich.console import Console

from residual._run import Run
from residual._verbs import training
from residual.data.images import Dataset, Images
from residual.training.options import TrainOptions
from residual.training.recipes import Recipe
from residual.training.schedules import Constant

QUICK = Recipe("quick", "", "cifar-resnet8", 2, 16, "adamw", Constant(3e-3), weight_decay=0.01)
COLOURS = ("red", "green", "blue")


def stripes(n: int, seed: int, classes: int = 3, size: int = 16) -> Images:
    """Noisy images whose class is the colour of a bright band."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    x = rng.integers(0, 120, (n, size, size, 3))
    for i, label in enumerate(y):
        x[i, 4:9, :, label] = 255
    return Images(x.astype(np.uint8), y.astype(np.int64))


def striped() -> Dataset:
    """96 images to train on and 24 to test on."""
    return Dataset("stripes", stripes(96, 0), stripes(24, 1), COLOURS, "made for the test")


def save_npz(path, data: Dataset):
    """Write a data set as an .npz with parts; its path."""
    arrays = {"x_train": data.train.x, "y_train": data.train.y, "x_test": data.test.x, "y_test": data.test.y}
    np.savez(path, **arrays, classes=np.array(data.classes))
    return path


def quiet() -> Console:
    """A console that nobody sees; `console.file.getvalue()` is what was said."""
    return Console(file=io.StringIO(), width=1000)


def train_on(console: Console, data, *, name: str | None = None, resume: str = "auto", **options) -> Run:
    """Train with a console of the test's own, as the command line does."""
    return training.train_run(TrainOptions(data=data, **options), name=name, resume=resume, console=console)
