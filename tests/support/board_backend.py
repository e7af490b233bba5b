"""TensorBoard's files written with TensorFlow out of reach, and by a short training; prints the folders as JSON."""

import json
import sys
from pathlib import Path

import keras
import numpy as np

import residual
from residual.training.callbacks.tensorboard import EventFile
from residual.training.recipes import Recipe
from residual.training.schedules import Constant


def without_tensorflow():
    assert "tensorflow" not in sys.modules
    sys.modules["tensorflow"] = None  # type: ignore[assignment]  # as where it is not installed
    EventFile(Path("alone")).write(1, {"loss": 0.5}, {"images": (b"", (1, 1))})
    del sys.modules["tensorflow"]  # Keras needs it for a training where it finds it


def main():
    without_tensorflow()
    x = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 3)).astype(np.uint8)
    np.savez("noise.npz", x=x, y=np.arange(40) % 2)
    recipe = Recipe("quick", "", "cifar-resnet8", 1, 16, "adamw", Constant(1e-3))
    residual.train("noise.npz", recipe=recipe, precision="float32", progress=False)
    folders = {file.parent.name for file in Path().rglob("*tfevents*")}
    print(json.dumps({"backend": keras.backend.backend(), "folders": sorted(folders)}))


if __name__ == "__main__":
    main()
