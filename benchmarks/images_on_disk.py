"""Images on disk: how fast they are decoded, what the training step loses to them, and the memory they take.

    python benchmarks/images_on_disk.py decoding
    python benchmarks/images_on_disk.py training 64
    python benchmarks/images_on_disk.py training 128
    python benchmarks/images_on_disk.py memory

Needs RESIDUAL_DATA with sign_language_digits/sign_language_digits.zip and cifar10/train.parquet, and `grain`.
The photos are those hands, scaled up to 400x300 JPEGs. Three ways to get them into a network are compared:
decoded once into a file of pixels (what `residual train` does), and decoded anew in every epoch with grain or
with tf.data, whose batches are then augmented like ours, by the recipe of SIGNS, while the step before them runs.
The files are in the system's cache. All run interleaved in one process, with a second between turns in which grain
and tf.data fill their buffers. Each part writes its rows into benchmarks/images_on_disk.json and all rows that are
there into benchmarks/images_on_disk.md.
"""

import io
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np

from residual import backend

backend.prefer_backend()
backend.import_keras_quietly()

import keras
from machine import machine

from residual.augment import apply_augmentations
from residual.backend import accelerate
from residual.backend.choice import choose
from residual.data import decoding, ordered_work, pixel_store
from residual.data.fingerprints import compute_fingerprint
from residual.data.image_file import read_image
from residual.data.images import Dataset, Images
from residual.data.load import load_data
from residual.models import zoo
from residual.training.batches import Batches
from residual.training.build import build_model, fit_normalization
from residual.training.callbacks.waiting_time import WaitingTime
from residual.training.compile import compile_model, make_optimizer
from residual.training.job import split_validation
from residual.training.recipes import SIGNS

DATA = Path(os.environ.get("RESIDUAL_DATA", "../shared/data"))
HERE = Path(__file__)
PHOTOS, BATCH = 960, 32
ROUNDS, STEPS = {"decoding": 5, 64: 5, 128: 3}, {64: 24, 128: 20}
REST = 1.0  # seconds between turns: buffers fill, threads come to rest


def photos(folder: Path) -> list[Path]:
    """`PHOTOS` JPEGs of 400x300 in class folders below `folder`."""
    from PIL import Image

    archive = zipfile.ZipFile(DATA / "sign_language_digits" / "sign_language_digits.zip")
    names = sorted(name for name in archive.namelist() if name.lower().endswith(".jpg"))
    for name in names[:: len(names) // PHOTOS][:PHOTOS]:
        target = folder / Path(name).parent.name / Path(name).name
        target.parent.mkdir(exist_ok=True, parents=True)
        small = Image.open(io.BytesIO(archive.read(name))).convert("RGB")
        small.resize((400, 300), Image.Resampling.BICUBIC).save(target, quality=90)
    return sorted(folder.rglob("*.jpg")) + sorted(folder.rglob("*.JPG"))


def with_grain(files: list[Path], size: int):
    """Batches of pixels for ever, decoded by grain's threads, with this package's `read_image`."""
    import grain

    # Like the pool of `decode`, a thread per core; the buffer is grain's own choice of 500 images.
    options = grain.ReadOptions(num_threads=ordered_work.count_cores())
    source = grain.MapDataset.source([str(file) for file in files]).shuffle(seed=0)
    images = source.map(lambda file: read_image(file, (size, size))).repeat()
    return iter(images.to_iter_dataset(options).batch(BATCH))


def with_tf_data(files: list[Path], size: int):
    """Batches of pixels for ever, decoded and scaled by TensorFlow's own operations."""
    import tensorflow as tf

    reduced = 2 if 2 * size <= 150 else 1  # as `draft` does: not below twice the size

    def read(file):
        image = tf.io.decode_jpeg(tf.io.read_file(file), channels=3, ratio=reduced)
        square = tf.image.resize_with_crop_or_pad(image, 300 // reduced, 300 // reduced)
        return tf.cast(tf.image.resize(square, (size, size), antialias=True), tf.uint8)

    names = tf.data.Dataset.from_tensor_slices([str(file) for file in files])
    images = names.shuffle(len(files)).map(read, num_parallel_calls=tf.data.AUTOTUNE).repeat()
    return images.batch(BATCH).prefetch(tf.data.AUTOTUNE).as_numpy_iterator()


def measure_decoding(files: list[Path]) -> dict:
    """Images per second, nothing else running, of each way and of the one thread there was before."""
    cifar = [file["bytes"] for file in _cifar_cells(4_000)]
    seconds: dict[str, list[float]] = {}
    counts: dict[str, int] = {}

    def timed(name: str, count: int, work) -> None:
        started = time.perf_counter()
        work()
        counts[name] = count
        seconds.setdefault(name, []).append(time.perf_counter() - started)

    def decode(sources, size):
        fit = None if size is None else (size, size)
        decoding.decode_images([(source, "") for source in sources], len(sources), fit, "")

    for _ in range(ROUNDS["decoding"] + 1):  # the first round warms up
        for size in (64, 128):
            name = f"400x300 to {size}x{size}"
            timed(f"{name}, one thread", len(files), lambda s=size: [read_image(f, (s, s)) for f in files])
            timed(f"{name}, residual", len(files), lambda s=size: decode(files, s))
            for kind, make in (("grain", with_grain), ("tf.data", with_tf_data)):
                batches, steps = make(files, size), len(files) // BATCH
                timed(
                    f"{name}, {kind}", steps * BATCH, lambda b=batches, n=steps: [next(b) for _ in range(n)]
                )
        timed("CIFAR-10 Parquet 32x32, one thread", len(cifar), lambda: [read_image(c) for c in cifar])
        timed("CIFAR-10 Parquet 32x32, residual", len(cifar), lambda: decode(cifar, None))
    rates = {name: [counts[name] / value for value in values[1:]] for name, values in seconds.items()}
    return {name: spread(values, "images_per_second", 0) for name, values in rates.items()}


class Streamed(keras.utils.PyDataset):
    """Batches from an iterator that prefetches on its own, with what `Waiting` asks of `Batches`.

    Before an epoch Keras looks at a batch, to see its shape: it gets one that costs nothing.
    """

    def __init__(self, batches, steps: int, augment=()):
        super().__init__()
        self.batches, self.steps, self.augment = batches, steps, augment
        self.rng, self.waited, self.begun = np.random.default_rng(0), 0.0, False
        self.y = np.eye(6, dtype=np.float32)[np.arange(BATCH) % 6]
        self.shown = next(batches), self.y

    def __len__(self):
        return self.steps

    def __getitem__(self, step):
        if not self.begun:
            return self.shown
        asked = time.perf_counter()
        batch = apply_augmentations(next(self.batches), self.y, self.augment, self.rng)
        self.asked_and_given.append((asked, time.perf_counter()))
        return batch

    def waited_for(self, nth: int, since: float) -> float:
        """As `Batches.waited_for`."""
        asked, given = self.asked_and_given[nth]
        return max(0.0, given - max(since, asked))

    def on_epoch_end(self):
        self.begun, self.asked_and_given = True, []


def measure_training(files: list[Path], size: int) -> dict:
    """Milliseconds per ResNet-50 step and the share of waiting, for each way."""
    memory = Images(np.stack([read_image(f, (size, size)) for f in files]), np.arange(len(files)) % 6)
    kept, pixel_store.IN_MEMORY = pixel_store.IN_MEMORY, 0
    pixels, digests = decoding.decode_images([(f, "") for f in files], len(files), (size, size), "")
    disk = Images(pixels, memory.y, digests)
    pixel_store.IN_MEMORY = kept
    part = np.arange(BATCH * STEPS[size])
    data = Dataset("photos", memory.take(part), memory, tuple("012345"), "photos", memory)
    model = build_model(data, zoo.find_spec("course-resnet50"), SIGNS)
    choice = choose(model, BATCH, make_optimizer(SIGNS, STEPS[size]))
    with accelerate.accelerated(model, choice):
        compile_model(model, SIGNS, STEPS[size], choice)
        return timed(model, files, size, memory, disk, part)


def timed(model, files: list[Path], size: int, memory: Images, disk: Images, part) -> dict:
    """The compiled model on each way of feeding it, in turns."""
    streams = {"grain": with_grain(files, size), "tf.data": with_tf_data(files, size)}
    augment = SIGNS.augment
    contenders = {
        "no data work: one batch again and again": lambda: Streamed(
            itertools.repeat(memory.x[:BATCH]), STEPS[size]
        ),
        "residual, pixels in memory": lambda: Batches(memory.take(part), 6, BATCH, augment),
        "residual, pixels on disk": lambda: Batches(disk.take(part), 6, BATCH, augment),
        "grain, decoded anew": lambda: Streamed(streams["grain"], STEPS[size], augment),
        "tf.data, decoded anew": lambda: Streamed(streams["tf.data"], STEPS[size], augment),
    }
    steps: dict[str, list[float]] = {name: [] for name in contenders}
    shares: dict[str, list[float]] = {name: [] for name in contenders}
    for round_ in range(ROUNDS[size] + 1):
        for name, make in contenders.items():
            waiting = WaitingTime(make())
            time.sleep(REST)
            model.fit(waiting.batches, verbose=0, shuffle=False, callbacks=[waiting])
            if round_:  # the first round compiles
                steps[name].append(waiting.spent / STEPS[size] * 1e3)
                shares[name].append(waiting.share * 100)
    base = next(iter(steps.values()))  # of the same round, as the machine's speed drifts
    ratios = {n: [a / b for a, b in zip(steps[n], base, strict=True)] for n in steps}
    return {
        f"{size}x{size}, {name}": {
            **spread(steps[name], "step_ms", 0),
            **spread(shares[name], "waiting_percent", 1),
            **spread(ratios[name], "of_no_data_work", 2),
        }
        for name in contenders
    }


def _cifar_cells(count: int) -> list[dict]:
    import pyarrow.parquet as pq

    batch = next(pq.ParquetFile(DATA / "cifar10" / "train.parquet").iter_batches(count, columns=["img"]))
    return batch.column(0).to_pylist()


def measure_memory(folder: Path) -> dict:
    """Peak memory of a process that loads n images of 32x32 from Parquet files, and reads batches of them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = {}
    cells = _cifar_cells(50_000)
    for count in (1_000, 10_000, 100_000, 1_000_000):
        place = folder / str(count)
        place.mkdir()
        for number, start in enumerate(range(0, count, 50_000)):
            some = cells[: min(50_000, count - start)]
            labels = [i % 10 for i in range(len(some))]
            table = pa.table({"img": pa.array(some), "label": labels})
            pq.write_table(table, place / f"train-{number:05}.parquet", row_group_size=1000)
        child = [sys.executable, str(HERE), "one-memory", str(place)]
        row = json.loads(subprocess.run(child, capture_output=True, text=True, check=True).stdout)
        rows[f"{count:,} images of 32x32"] = row
        print(count, row, flush=True)
        for file in place.iterdir():
            file.unlink()
    return rows


def one_memory(place: Path) -> dict:
    """Load, split, fit the normalization, take the fingerprint, read 200 shuffled batches; MB at the end."""

    def peak() -> int:  # not getrusage, whose peak is at least that of the process that started this one
        told = Path("/proc/self/status").read_text()
        return round(int(told.split("VmHWM:")[1].split()[0]) / 1024)

    import pyarrow.parquet  # noqa: F401  (part of the start, not of the images)

    before = peak()
    data = load_data(place)
    data = split_validation(data, 0.1, seed=0)
    fit_normalization("channel", data.train)
    compute_fingerprint(data.test)
    batches = Batches(data.train, len(data.classes), BATCH)
    for step in range(min(200, len(batches))):
        batches[step]
    where = "memory" if isinstance(data.train.x, np.ndarray) else "disk"
    pixels = round(sum(len(part) for part in (data.train, data.validation, data.test)) * 32 * 32 * 3 / 1e6)
    return {"before_mb": before, "peak_mb": peak(), "pixels_mb": pixels, "pixels_in": where}


def spread(values: list[float], name: str, digits: int) -> dict:
    """Median and middle half."""
    low, middle, high = statistics.quantiles(values, n=4)
    return {name: round(middle, digits), f"{name}_middle_half": [round(low, digits), round(high, digits)]}


def record(part: str, rows: dict, n: int) -> None:
    """Put the rows into the JSON and all that is there into the Markdown table."""
    target = HERE.with_suffix(".json")
    known = json.loads(target.read_text()) if target.exists() else {}
    versions = {name: __import__(name).__version__ for name in ("grain", "PIL", "pyarrow")}
    facts = {name: value for name, value in machine().items() if name in ("date", "processor", "cores")}
    known[part] = {"n": n, "machine": {**facts, **backend.versions(), **versions}, "rows": rows}
    target.write_text(json.dumps(known, indent=1) + "\n")
    lines = ["# Images on disk", "", "Written by `benchmarks/images_on_disk.py`. Medians (middle half)."]
    for name, one in known.items():
        columns = [key for key in next(iter(one["rows"].values())) if not key.endswith("middle_half")]
        titles = " | ".join(column.replace("_", " ") for column in columns)
        lines += ["", f"## {name}, n = {one['n']}", "", f"| | {titles} |", "|---" * (len(columns) + 1) + "|"]
        lines += [
            f"| {row} | " + " | ".join(_cell(v, c) for c in columns) + " |" for row, v in one["rows"].items()
        ]
        lines += ["", ", ".join(f"{key} {value}" for key, value in one["machine"].items())]
    HERE.with_suffix(".md").write_text("\n".join(lines) + "\n")


def _cell(values: dict, column: str) -> str:
    half = values.get(f"{column}_middle_half")
    return f"{values[column]}" + (f" ({half[0]}-{half[1]})" if half else "")


def main(part: str, argument: str = "") -> None:
    """Measure one part."""
    if part == "one-memory":
        print(json.dumps(one_memory(Path(argument))))
        return
    with tempfile.TemporaryDirectory() as folder:
        if part == "memory":
            record(part, measure_memory(Path(folder)), 1)
        elif part == "decoding":
            record(part, measure_decoding(photos(Path(folder))), ROUNDS[part])
        else:
            size = int(argument)
            record(f"training {size}", measure_training(photos(Path(folder)), size), ROUNDS[size])
    print(HERE.with_suffix(".md").read_text())


if __name__ == "__main__":
    main(*sys.argv[1:])
