"""As many images as ImageNet has: seconds to the first batch, memory, and images a second, decoded on demand.

    python benchmarks/images_at_scale.py --images 1280000 --folder /dev/shm   # some minutes, 2.7 GB below the folder

Makes small JPEGs of 1,000 classes as WebDataset shards and as class folders. The files of a class folder are hard links
to one file, as room for a million files is not always at hand. Then, in a process of its own for each row:
opens them as `residual train` does, makes batches in the order of a training, and reads what the process holds in
memory. With --cache the same batches come from decoded pixels. Writes benchmarks/results/images_at_scale-NAME.json.
"""

import argparse
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path

from machine import anonymous_mib, machine, peak_mib, short_name
from turns import format_table

CLASSES, SHARD, SIDE, BATCH = 1000, 10_000, 224, 256
RESULTS = Path(__file__).with_name("results")


def make_jpegs(count: int, side: int) -> list[bytes]:
    """Different small JPEGs."""
    import numpy as np
    from PIL import Image

    rng, made = np.random.default_rng(0), []
    for _ in range(count):
        coarse = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
        file = io.BytesIO()
        Image.fromarray(coarse).resize((side, side), Image.Resampling.BILINEAR).save(file, "JPEG", quality=75)
        made.append(file.getvalue())
    return made


def write_shards(folder: Path, jpegs: list[bytes], images: int) -> None:
    """WebDataset shards train-000000.tar, ..., with NAME.jpg and NAME.cls."""
    folder.mkdir()
    for first in range(0, images, SHARD):
        with tarfile.open(
            folder / f"train-{first // SHARD:06}.tar", "w", format=tarfile.USTAR_FORMAT
        ) as archive:
            for i in range(first, min(first + SHARD, images)):
                for ending, content in (("jpg", jpegs[i % len(jpegs)]), ("cls", str(i % CLASSES).encode())):
                    info = tarfile.TarInfo(f"{i:08}.{ending}")
                    info.size = len(content)
                    archive.addfile(info, io.BytesIO(content))


def write_folder(folder: Path, jpegs: list[bytes], images: int) -> None:
    """A folder for each class; in it links to one file."""
    for label in range(CLASSES):
        inner = folder / f"n{label:08}"
        inner.mkdir(parents=True)
        first = inner / f"{label:08}.jpg"
        first.write_bytes(jpegs[label % len(jpegs)])
        for i in range(label + CLASSES, images, CLASSES):
            os.link(first, inner / f"{i:08}.jpg")


def count_anonymous() -> float:
    """MiB that this process holds, without pages of files."""
    return round(anonymous_mib() or peak_mib(), 1)


def work(data: str, steps: int, side: int, with_training: bool) -> None:
    """One row, as JSON on standard output."""
    started = time.perf_counter()
    if with_training:
        import keras  # noqa: F401

        from residual.training.batches import Batches
    from residual.data.load import load_data

    found = {"before_mib": count_anonymous(), "imports_seconds": time.perf_counter() - started}
    dataset = load_data(data, side)
    found |= {"open_seconds": time.perf_counter() - started, "open_mib": count_anonymous()}
    found["open_processor_seconds"] = time.process_time()
    found |= {
        "images": len(dataset.train) + len(dataset.test),
        "gigabytes_decoded": dataset.train.x.nbytes / 1e9,
    }
    batches = Batches(dataset.train, len(dataset.classes), BATCH)
    batches[0]
    found |= {"first_batch_seconds": time.perf_counter() - started, "first_batch_mib": count_anonymous()}
    held, begun = [], time.perf_counter()
    for step in range(1, steps):
        batches[step]
        held.append(count_anonymous())
    found["images_per_second"] = (steps - 1) * BATCH / (time.perf_counter() - begun)
    found |= {"after_mib": held[-1], "most_mib": max(held), "after_a_tenth_mib": held[len(held) // 10]}
    print(
        json.dumps(
            {name: round(value, 2) if isinstance(value, float) else value for name, value in found.items()}
        )
    )


def run(data: Path, steps: int, cache: Path | None) -> dict:
    """A row from a process of its own."""
    environment = {
        **os.environ,
        "TF_CPP_MIN_LOG_LEVEL": "2",
        **({"RESIDUAL_PIXEL_CACHE": str(cache)} if cache else {}),
    }
    command = [
        sys.executable,
        __file__,
        "--work",
        f"{data}::decode=lazy",
        "--steps",
        str(steps),
        "--side",
        str(SIDE),
    ]
    return json.loads(
        subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    )


def format_rows(record: dict) -> str:
    """The table."""
    head = [
        "layout",
        "images",
        "seconds to the list",
        "to the first batch",
        "MiB before, open, after",
        "images/s",
    ]
    lines = [
        [
            name,
            f"{row['images']:,}",
            f"{row['open_seconds']:.0f} ({row['open_processor_seconds']:.0f})",
            f"{row['first_batch_seconds']:.0f}",
            f"{row['before_mib']:.0f}, {row['open_mib']:.0f}, {row['after_mib']:.0f}",
            f"{row['images_per_second']:,.0f}",
        ]
        for name, row in record["rows"].items()
    ]
    return format_table(head, lines)


def main() -> None:
    """Make the data, measure, print and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=1_280_000)
    parser.add_argument(
        "--folder", type=Path, default=Path("/dev/shm"), help="where the data is made, and removed"
    )
    parser.add_argument("--steps", type=int, default=100, help=f"batches of {BATCH}")
    parser.add_argument("--pixels", type=int, default=32, help="a side of the JPEGs")
    parser.add_argument("--layouts", nargs="+", default=["shards", "folder"])
    parser.add_argument("--cache", type=Path, help="a folder for decoded images: two more rows")
    parser.add_argument("--name", help="of the result")
    parser.add_argument("--keep", action="store_true", help="leave the data there")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    parser.add_argument("--side", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.work:
        work(asked.work, asked.steps, asked.side, True)
        return
    place, jpegs, rows = asked.folder / "images_at_scale", make_jpegs(500, asked.pixels), {}
    writers = {"shards": write_shards, "folder": write_folder}
    try:
        for layout in asked.layouts:
            data = place / layout
            if not data.is_dir():
                place.mkdir(exist_ok=True)
                writers[layout](data, jpegs, asked.images)
            rows[layout] = run(data, asked.steps, None)
            if asked.cache:
                for turn in ("first", "second"):
                    rows[f"{layout}, cache, {turn} time"] = run(data, asked.steps, asked.cache)
    finally:
        if not asked.keep:
            shutil.rmtree(place, ignore_errors=True)
    record = {"machine": machine(), "side": SIDE, "batch": BATCH, "steps": asked.steps, "jpeg": asked.pixels}
    path = RESULTS / f"images_at_scale-{asked.name or short_name(record['machine'])}.json"
    before = (
        json.loads(path.read_text())["rows"] if path.is_file() else {}
    )  # of layouts that were not asked for
    record["rows"] = {**before, **rows}
    path.write_text(json.dumps(record, indent=1) + "\n")
    print(format_rows(record))


if __name__ == "__main__":
    main()
