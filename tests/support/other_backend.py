"""What must hold on a backend other than TensorFlow; prints it as JSON.

TensorBoard's files, a training and its end, an export to ONNX, heat maps, Muon, and the variances of flat images: none
of them imports TensorFlow.
"""

import importlib.util
import json
import sys
from pathlib import Path

import keras
import numpy as np

import residual
from residual.engines import open_engine
from residual.engines.card import ModelCard
from residual.exporters import export_model
from residual.training.callbacks.tensorboard import EventFile
from residual.training.muon import Muon
from residual.training.recipes import Recipe
from residual.training.schedules import Constant

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.support.flat_images import find_largest_error
from tests.support.measured_gradient import measure_epochs
from tests.support.muon_reference import step_in_numpy
from tests.support.seeded_maps import compute_maps


def export_and_compare(model: keras.Model, images: np.ndarray) -> float:
    """The largest difference between the probabilities of a network and of its ONNX file; 0 without ONNX Runtime."""
    if importlib.util.find_spec("onnxruntime") is None:
        return 0.0
    names = tuple(str(number) for number in range(model.output_shape[1]))
    card = ModelCard(
        name="n", network="n", classes=names, image_size=images.shape[1:3], precision="fp32", exported_to=""
    )
    path = export_model(model, card, "onnx", Path("exported.onnx"))
    return float(np.abs(open_engine(path).predict(images) - model.predict(images, verbose=0)).max())


def step_with_muon() -> bool:
    """Whether two steps of Muon are those of the reference."""
    draw = np.random.default_rng(0)
    kernel, gradients = (
        draw.normal(size=shape).astype(np.float32) for shape in ((3, 3, 4, 8), (2, 3, 3, 4, 8))
    )
    variable, optimizer = keras.Variable(kernel), Muon(0.8)
    optimizer.turned = frozenset([id(variable)])
    optimizer.build([variable])
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
    wanted = step_in_numpy(kernel, gradients, 0.12, 0.6)
    return bool(np.allclose(keras.ops.convert_to_numpy(variable), wanted, atol=2e-3))


def main():
    EventFile(Path("alone")).write(1, {"loss": 0.5}, {"images": (b"", (1, 1))})
    x = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 3)).astype(np.uint8)
    # A group of weights with a rate of its own, in which nothing decays: Keras on torch fails at it by itself.
    recipe = Recipe(
        "quick", "", "cifar-resnet8", 1, 16, "muon", Constant(0.01), weight_decay=0.01, bias_rate=4.0
    )
    run = residual.train(
        (x, np.arange(40) % 2), recipe=recipe, precision="float32", progress=False, device="cpu"
    )
    run.evaluate()
    residual.open_run(run.path).predict(x[0])
    difference = export_and_compare(run.model, x)
    maps = compute_maps()
    errors = find_largest_error()
    norms, expected = measure_epochs()
    print(
        json.dumps(
            {
                "backend": keras.backend.backend(),
                "folders": sorted({file.parent.name for file in Path().rglob("*tfevents*")}),
                "export is equal": difference < 1e-5,
                "gradients are right": bool(np.allclose(norms, expected, rtol=1e-5)),
                "Muon turns kernels": step_with_muon(),
                "imports TensorFlow": "tensorflow" in sys.modules,
                "variances are right": max(errors.values()) < 1e-4,
                "errors": errors,
                "maps": maps,
            }
        )
    )


if __name__ == "__main__":
    main()
