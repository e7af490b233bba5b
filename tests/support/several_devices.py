"""The same training on one device and on three of one process; prints how far they are apart, as JSON.

argv: "float32" or "bfloat16".
"""

import json
import os
import sys
from pathlib import Path

import jax
import numpy as np

jax.config.update("jax_num_cpu_devices", 3)

import residual  # noqa: E402
from residual.backend.distribution import Group  # noqa: E402
from residual.training.recipe import Recipe  # noqa: E402
from residual.training.schedules import Constant  # noqa: E402

BATCH, IMAGES = 16, 45  # 40 to train: two whole batches and one of 8


def make_images() -> tuple[np.ndarray, np.ndarray]:
    """Images float (IMAGES, 8, 8, 3) as uint8 that their labels change, and the labels."""
    rng = np.random.default_rng(0)
    labels = np.arange(IMAGES) % 3
    return (rng.integers(0, 150, (IMAGES, 8, 8, 3)) + 40 * labels[:, None, None, None]).astype(
        np.uint8
    ), labels


def train(devices: int, precision: str) -> tuple[list[np.ndarray], np.ndarray, dict]:
    """Weights, losses (epochs, 2) and report of a training on so many devices."""
    recipe = Recipe("quick", "", "cifar-resnet8", 2, BATCH, "sgd", Constant(0.01))
    run = residual.train(
        make_images(),
        recipe=recipe,
        precision=precision,
        devices=devices,
        name=f"devices-{devices}",
        validation_split=0.12,
        engine=False,
        report=False,
        progress=False,
    )
    rows = run.folder.log_rows()
    return run.model.get_weights(), np.array([[row["loss"], row["val_loss"]] for row in rows]), run.report


def compare(found: tuple, first: tuple) -> dict:
    """How far a training is from the first: the largest difference of a weight and of a loss."""
    weights = max(float(np.abs(a - b).max()) for a, b in zip(found[0], first[0], strict=True))
    return {"weights": weights, "losses": float(np.abs(found[1] - first[1]).max())}


def check_placed(group: Group) -> dict:
    """Whether each device holds its share of a batch that does not divide, in the order of the images."""
    x = np.arange(7, dtype=np.float32).reshape(7, 1)
    placed, labels = group.place(x[group.rows(7)], np.zeros((7, 2), np.float32))
    shares = [np.asarray(shard.data).ravel().tolist() for shard in placed.addressable_shards]
    return {"shares": shares, "labels": list(labels.shape)}


def main(precision: str) -> None:
    first = train(1, precision)
    found: dict = {"3 devices": compare(train(3, precision), first)}
    found |= check_placed(Group(jax.devices()))
    records = {n: (Path("runs") / f"devices-{n}" / "run.toml").read_text() for n in (1, 3)}
    found["recorded"] = "devices = 3" in records[3]
    found["plain is recorded"] = "devices = " in records[1]
    print(json.dumps({"backend": os.environ["KERAS_BACKEND"], **found}))


if __name__ == "__main__":
    main(*sys.argv[1:])
