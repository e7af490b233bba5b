"""One prediction: the engines of `residual` beside ONNX Runtime's rivals, PyTorch and Keras, in milliseconds."""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from machine import machine, processor, short_name
from turns import compete, format_table, say

EPILOG = """\
examples:
  python benchmarks/engines.py                    # three networks, all contenders
  python benchmarks/engines.py --only residual OpenVINO --cases cifar-resnet20

Each contender runs in a process of its own, and the processes take turns. A turn calls it with one image for a quarter
of a second, and with 32 for a second. Every contender gets raw uint8 images and returns probabilities as an array.
"""
CASES = {"course-resnet50": 64, "cifar-resnet20": 32, "resnet10": 64}  # network -> pixels a side
CLASSES, BATCHES, SECONDS = 10, (1, 32), {1: 0.25, 32: 1.0}
TURNS, LIMIT = 5, 300
RESULTS = Path(__file__).with_name("results")


def main() -> None:
    """Measure what the command line asks for, print tables, write JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="NAME", help="contenders, by any part of their names"
    )
    parser.add_argument("--turns", type=int, default=TURNS)
    parser.add_argument(
        "--name", default=short_name(processor()), help="of the processor in the name of the results"
    )
    asked = parser.parse_args()
    names = [name for name in CONTENDERS if not asked.only or any(word in name for word in asked.only)]
    record: dict = {"machine": machine(), "cases": {}}
    for network in asked.cases:
        record["cases"][network] = run_case(network, names, asked.turns)
    path = RESULTS / f"engines-{asked.name}.json"
    path.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    say(f"written to {path}")


def run_case(network: str, names: list[str], turns: int) -> dict:
    """Time one network with all contenders and print the table."""
    with tempfile.TemporaryDirectory() as folder:
        write_files(network, Path(folder))
        starts = {
            name: ([sys.executable, __file__, "worker", name, network, folder], dict(os.environ))
            for name in names
        }
        found = compete(starts, turns, LIMIT, rest=0.3)
    rows = {
        name: {str(n): [turn[str(n)] for turn in taken] for n in BATCHES} | {"is": found.ready[name]["is"]}
        for name, taken in found.turns.items()
    }
    best = {n: min(statistics.median(row[str(n)]) for row in rows.values()) for n in BATCHES}
    lines = [
        [name, *(cell for n in BATCHES for cell in describe(row[str(n)], n, best[n]))]
        for name, row in rows.items()
    ]
    head = [network, "1 image, ms", "of the fastest", "32 images, images/s", "of the fastest"]
    say("\n" + format_table(head, lines) + "\n")
    return {"pixels": CASES[network], "rows": rows, "left_out": found.left_out}


def describe(ms: list[float], count: int, best: float) -> tuple[str, str]:
    """Milliseconds of one image, images a second of 32, and the speed relative to the fastest."""
    middle = statistics.median(ms)
    return (f"{middle:.2f}" if count == 1 else f"{count / middle * 1000:,.0f}"), f"{best / middle:.2f}"


def write_files(network: str, folder: Path) -> None:
    """Write the network in every format, in a process of its own."""
    import subprocess

    subprocess.run([sys.executable, __file__, "write", network, str(folder)], check=True)


def write(network: str, folder: Path) -> None:
    """As `write_files`, in this process."""
    import residual

    side = CASES[network]
    from residual.backend import import_keras_quietly
    from residual.engines.card import ModelCard
    from residual.exporters import EXPORTERS, export_model

    import_keras_quietly()
    import keras

    normalization = keras.layers.Rescaling(1 / 58, -2.0)
    model = residual.build(network, (side, side, 3), CLASSES, normalization=normalization)
    names = tuple(f"class {number}" for number in range(CLASSES))
    card = ModelCard(
        name=network,
        network=network,
        classes=names,
        image_size=(side, side),
        precision="fp32",
        exported_to="",
    )
    for format, precision in (
        ("onnx", "fp32"),
        ("openvino", "fp32"),
        ("openvino", "bf16"),
        ("litert", "fp32"),
        ("keras", "fp32"),
    ):
        export_model(model, card, format, folder / f"{precision}{EXPORTERS[format].suffix}", precision)


def work(name: str, network: str, folder: Path) -> None:
    """A contender: ready, then a turn for every line of standard input."""
    import numpy as np

    images = (
        np.random.default_rng(0).integers(0, 256, (32, CASES[network], CASES[network], 3)).astype(np.uint8)
    )
    predict, about = CONTENDERS[name](network, folder, images)
    first = time_calls(predict, images)
    answer({"ms": first[32], "is": about})
    for _ in sys.stdin:
        ms = time_calls(predict, images)
        answer({"ms": ms[32], **{str(n): value for n, value in ms.items()}})


def answer(facts: dict) -> None:
    """One line of JSON on standard output."""
    print(json.dumps(facts), flush=True)


def time_calls(predict, images) -> dict[int, float]:
    """Median milliseconds of a call, for each batch size."""
    found = {}
    for count, limit in SECONDS.items():
        batch, seconds = images[:count], []
        for _ in range(3):
            predict(batch)
        while sum(seconds) < limit or len(seconds) < 3:
            started = time.perf_counter()
            predict(batch)
            seconds.append(time.perf_counter() - started)
        found[count] = 1000 * statistics.median(seconds)
    return found


def open_with_residual(file: str, threads: int = 0):
    """An engine of `residual`."""

    def start(network, folder, images):
        from residual.engines import open_engine

        engine = open_engine(folder / file, threads)
        return engine.predict, engine.runtime

    return start


def open_openvino(file: str, **settings):
    """OpenVINO by hand, with other settings than those of `residual`."""

    def start(network, folder, images):
        from residual.engines.openvino import import_openvino

        openvino = import_openvino(file)
        core = openvino.Core()
        model = core.read_model(folder / file)
        requests = {}
        for count in BATCHES if settings.pop("static", False) else ():
            model.reshape([count, *images.shape[1:]])
            requests[count] = core.compile_model(model, "CPU", settings).create_infer_request()
        if not requests:
            request = core.compile_model(model, "CPU", settings).create_infer_request()
            requests = dict.fromkeys(BATCHES, request)
        return lambda x: requests[len(x)].infer({0: x})[0].copy(), openvino.__version__

    return start


def start_keras(how: str):
    """Keras: its own predict_on_batch, or the model in a function that TensorFlow compiles."""

    def start(network, folder, images):
        import keras
        import numpy as np

        model = keras.saving.load_model(folder / "fp32.keras")
        about = f"Keras {keras.__version__} on {keras.backend.backend()}"
        if how == "predict":
            return lambda x: model.predict_on_batch(x), about
        import tensorflow as tf

        compiled = tf.function(lambda x: model(x, training=False), reduce_retracing=False)
        return lambda x: np.asarray(compiled(tf.constant(x))), about

    return start


def start_torch(how: str, bfloat16: bool = False):
    """PyTorch, channels last: as it is, traced and frozen, or compiled."""

    def start(network, folder, images):
        import torch
        from torch_networks import NETWORKS

        model = NETWORKS[network](CLASSES).eval().to(memory_format=torch.channels_last)
        inner = model

        def forward(x):
            x = x.permute(0, 3, 1, 2).to(torch.float32) / 58 - 2
            with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
                return torch.softmax(inner(x).float(), 1)

        if how == "frozen":
            example = torch.rand(32, 3, *images.shape[1:3]).to(memory_format=torch.channels_last)
            inner = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(model, example)))
        if how == "compiled":
            inner = torch.compile(model)

        def predict(x):
            with torch.inference_mode():
                return forward(torch.from_numpy(x)).numpy()

        return predict, f"PyTorch {torch.__version__}"

    return start


CONTENDERS = {
    "residual, ONNX Runtime": open_with_residual("fp32.onnx"),
    "residual, ONNX Runtime, 1 thread": open_with_residual("fp32.onnx", 1),
    "residual, OpenVINO": open_with_residual("fp32.xml"),
    "residual, OpenVINO, bf16": open_with_residual("bf16.xml"),
    "residual, LiteRT": open_with_residual("fp32.tflite"),
    "OpenVINO, the ONNX file": open_openvino("fp32.onnx", INFERENCE_PRECISION_HINT="f32"),
    "OpenVINO, for throughput": open_openvino(
        "fp32.xml", INFERENCE_PRECISION_HINT="f32", PERFORMANCE_HINT="THROUGHPUT"
    ),
    "OpenVINO, a model for each batch size": open_openvino(
        "fp32.xml", INFERENCE_PRECISION_HINT="f32", static=True
    ),
    "Keras, predict_on_batch": start_keras("predict"),
    "Keras, in a tf.function": start_keras("function"),
    "PyTorch": start_torch("eager"),
    "PyTorch, traced and frozen": start_torch("frozen"),
    "PyTorch, compiled": start_torch("compiled"),
    "PyTorch, bfloat16": start_torch("eager", bfloat16=True),
}

if __name__ == "__main__":
    if sys.argv[1:2] == ["write"]:
        write(sys.argv[2], Path(sys.argv[3]))
    elif sys.argv[1:2] == ["worker"]:
        work(sys.argv[2], sys.argv[3], Path(sys.argv[4]))
    else:
        main()
