"""A linear probe on 245 photos with a ResNet-50 at 224 pixels: `residual train` beside PyTorch and scikit-learn.

    RESIDUAL_PHOTOS=sign_language_digits.zip python benchmarks/probe.py --turns 3 --out FILE.json

Both are whole processes, from the start of Python to the test accuracy, in turns. The photos are JPEG files of 500x375
pixels, drawn from the zip; the weights are random, with batch-norm statistics recomputed on the photos, the same for
both. Both choose the penalty of the head from the same seven in five parts. `residual` also sets validation images
aside, calibrates, and writes a run folder with the network, an engine and a report; the script by hand keeps nothing.
The feature cache is emptied before each turn.
"""

import argparse
import io
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from machine import machine

TRAIN, TEST, SIDES = 196, 49, (500, 375)
HERE = Path(__file__).resolve().parent


def write_photos(folder: Path, source: Path) -> None:
    """245 JPEG files in train/ and test/, a folder for each of ten classes."""
    from PIL import Image, ImageOps

    with zipfile.ZipFile(source) as archive:
        names = sorted(name for name in archive.namelist() if name.lower().endswith(".jpg"))
        by_class: dict[str, list[str]] = {}
        for name in names:
            if (label := name.split("/")[-2]).isdigit():
                by_class.setdefault(label, []).append(name)
        turns = [by_class[label][i] for i in range(60) for label in sorted(by_class)]
        for number, name in enumerate(turns[: TRAIN + TEST]):
            part = "train" if number < TRAIN else "test"
            image = Image.open(io.BytesIO(archive.read(name))).convert("RGB")
            target = folder / part / name.split("/")[-2] / f"{number}.jpg"
            target.parent.mkdir(parents=True, exist_ok=True)
            ImageOps.fit(image, SIDES, Image.Resampling.BICUBIC).save(target, quality=90)


def write_weights(folder: Path, photos: Path) -> None:
    """resnet50.keras and the same arrays as resnet50.npz."""
    import residual
    from residual.backend import import_keras_quietly, set_seeds

    import_keras_quietly()
    import keras
    import numpy as np

    from residual.models.build import build_network
    from residual.models.keras_file import save_model
    from residual.models.zoo import resolve_spec
    from residual.training.batch_norm import recompute_batch_norm
    from residual.training.build import fit_normalization

    set_seeds(0)
    data = residual.load_data(photos, 224)
    normalization = fit_normalization("channel", data.train)
    spec = resolve_spec("resnet50v1.5")
    model = build_network(spec, (224, 224, 3), 1000, normalization)
    recompute_batch_norm(model, data.train, 32, max_images=64)
    save_model(model, folder / "resnet50.keras", {"network": "resnet50v1.5", "image_size": [224, 224]})
    arrays = {
        f"{layer.name}/{weight.name}": keras.ops.convert_to_numpy(weight)
        for layer in model.layers
        for weight in layer.weights
    }
    mean, variance = (np.ravel(arrays[f"normalization/{name}"]) for name in ("mean", "variance"))
    facts = {"mean": mean, "deviation": np.sqrt(variance), "epsilon": spec.epsilon}
    np.savez(folder / "resnet50.npz", **arrays, **facts)


def run_ours(folder: Path, turn: int) -> dict:
    """The command, in a process of its own; its report has the rest."""
    command = [
        *(sys.executable, "-m", "residual", "train", str(folder / "photos")),
        *("--weights", str(folder / "resnet50.keras"), "--recipe", "linear-probe"),
        *("--name", f"turn{turn}", "--json"),
    ]
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "XDG_CACHE_HOME": cache}
        started, used = time.perf_counter(), read_processor_seconds()
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=True
        )
    seconds, processor = time.perf_counter() - started, read_processor_seconds() - used
    report = json.loads(done.stdout)
    test = report["test"]
    facts = {"features": report["features"], "to_fitted_head": report["training_seconds"]}
    return {
        "seconds": seconds,
        "processor_seconds": processor,
        "correct": test["correct"],
        "n": test["n"],
        **facts,
    }


def run_by_hand(folder: Path) -> dict:
    command = [
        sys.executable,
        str(HERE / "probe_torch.py"),
        str(folder / "photos"),
        str(folder / "resnet50.npz"),
    ]
    started, used = time.perf_counter(), read_processor_seconds()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, processor = time.perf_counter() - started, read_processor_seconds() - used
    return {**json.loads(done.stdout), "seconds": seconds, "processor_seconds": processor}


def read_processor_seconds() -> float:
    """Processor time of the processes that have ended so far: other work on the machine hardly changes it."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--work", type=Path, help="Folder for photos and weights, which are kept.")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.work or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "photos").is_dir():
            write_photos(folder / "photos", Path(os.environ["RESIDUAL_PHOTOS"]))
        if not (folder / "resnet50.npz").is_file():
            write_weights(folder, folder / "photos")
        rows: dict[str, list[dict]] = {"residual": [], "by hand": []}
        first = len(list((folder / "runs").glob("turn*")))
        for turn in range(asked.turns):
            rows["residual"].append(run_ours(folder, first + turn))
            rows["by hand"].append(run_by_hand(folder))
            print({name: round(found[-1]["seconds"], 2) for name, found in rows.items()}, flush=True)
    medians, processor = (
        {name: statistics.median(row[key] for row in found) for name, found in rows.items()}
        for key in ("seconds", "processor_seconds")
    )
    record = {
        "machine": machine(),
        "train": TRAIN,
        "test": TEST,
        "turns": asked.turns,
        "weights": "random, batch-norm statistics recomputed on 64 of the photos",
        "median_seconds": medians,
        "median_processor_seconds": processor,
        "ratio": medians["residual"] / medians["by hand"],
        "processor_ratio": processor["residual"] / processor["by hand"],
        "rows": rows,
    }
    print(
        json.dumps(
            {
                name: record[name]
                for name in ("median_seconds", "median_processor_seconds", "ratio", "processor_ratio")
            }
        )
    )
    if asked.out:
        asked.out.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
