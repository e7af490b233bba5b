"""What must hold on a backend other than TensorFlow; prints it as JSON.

TensorBoard's files, a training and its end, heat maps, and the variances of flat images: none of them imports
TensorFlow.
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np

import residual
from residual.training.callbacks.tensorboard import EventFile
from residual.training.recipes import Recipe
from residual.training.schedules import Constant

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.support.flat_images import find_largest_error
from tests.support.seeded_maps import compute_maps


def main():
    EventFile(Path("alone")).write(1, {"loss": 0.5}, {"images": (b"", (1, 1))})
    x = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 3)).astype(np.uint8)
    recipe = Recipe("quick", "", "cifar-resnet8", 1, 16, "adamw", Constant(1e-3))
    run = residual.train(
        (x, np.arange(40) % 2), recipe=recipe, precision="float32", progress=False, device="cpu"
    )
    run.evaluate()
    residual.open_run(run.path).predict(x[0])
    maps = compute_maps()
    errors = find_largest_error()
    print(
        json.dumps(
            {
                "backend": keras.backend.backend(),
                "folders": sorted({file.parent.name for file in Path().rglob("*tfevents*")}),
                "imports TensorFlow": "tensorflow" in sys.modules,
                "variances are right": max(errors.values()) < 1e-4,
                "errors": errors,
                "maps": maps,
            }
        )
    )


if __name__ == "__main__":
    main()
