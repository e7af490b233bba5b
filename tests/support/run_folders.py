"""Run folders as a training leaves them, written by hand."""

import json
from pathlib import Path

import numpy as np
import tomli_w

from residual.evaluation.metrics import wilson_interval
from residual.evaluation.test_predictions import save_predictions
from residual.training.recipe import Recipe
from residual.training.recipes import DIGITS

CLASSES = ("cat", "dog")
LOG = "epoch,accuracy,loss,val_accuracy,val_loss,learning_rate,seconds\n"


def written(
    name: str,
    root: str | Path = "runs",
    *,
    started: str = "2026-11-24T10:00:00+0000",
    data: str = "digits",
    network: str = "cifar-resnet8",
    recipe: Recipe = DIGITS,
    seed: int = 0,
    epochs: int = 15,
    validation: tuple[int, int] | None = (141, 144),
    right: np.ndarray | None = None,
    report: dict | None = None,
    version_0_1: bool = False,
) -> Path:
    """The folder of a run of `epochs` epochs.

    Args:
        validation: (correct, n); None for a run that has not ended.
        right: bool (n,), which of the test images, cats and dogs in turn, it has right; None for one not judged.
        report: further values of report.json.
        version_0_1: write run.toml as version 0.1 did.
    """
    path = Path(root) / name
    path.mkdir(parents=True)
    table = _table_0_1 if version_0_1 else _table
    values = table(started, data, {"name": network, "source": "the test", "spec": {}}, recipe, seed)
    (path / "run.toml").write_text(tomli_w.dumps(values), "utf-8")
    rows = [f"{epoch + 1},0.9,0.3,0.{epoch + 10},0.2,0.001,1.5\n" for epoch in range(epochs)]
    (path / "log.csv").write_text(LOG + "".join(rows), "utf-8")
    if validation:
        correct, n = validation
        values = {"epochs": epochs, "interrupted": False, "training_seconds": 14.2, "kept_epoch": epochs}
        values |= {"validation": {"n": n, "accuracy": correct / n}, "weights_sha256": f"of {name}"}
        report = {**values, **(report or {}), **_judged(path, right)}
    if report is not None:
        (path / "report.json").write_text(json.dumps(report), "utf-8")
    return path


FACTS = {
    "source": "made for the test",
    "classes": list(CLASSES),
    "train_images": 1294,
    "validation_images": 144,
    "test_images": 359,
    "image_size": [32, 32],
}
MACHINE = {"system": "Linux", "cores": 2, "keras": "3.15.1"}


def _table(started: str, data: str, network: dict, recipe: Recipe, seed: int) -> dict:
    return {
        "started": started,
        "precision": "float32",
        "train": {"data": data, "recipe": recipe.name, "seed": seed, "precision": "auto"},
        "data": {**FACTS, "test_fingerprint": f"of {data}", "hash_style": "blake2b of each image"},
        "network": network,
        "recipe": recipe.to_table(),
        "machine": MACHINE,
    }


def _table_0_1(started: str, data: str, network: dict, recipe: Recipe, seed: int) -> dict:
    return {
        "started": started,
        "seed": seed,
        "precision": "float32",
        "data": {"asked": data, **FACTS, "test_fingerprint": f"of {data}", "validation_share": 0.1},
        "network": network,
        "recipe": recipe.to_table(),
        "machine": MACHINE,
    }


def _judged(path: Path, right: np.ndarray | None) -> dict:
    if right is None:
        return {}
    n, correct = len(right), int(right.sum())
    labels = np.arange(n) % 2
    save_predictions(np.eye(2)[np.where(right, labels, 1 - labels)], labels, CLASSES, path)
    return {"test": {"n": n, "accuracy": correct / n, "interval": list(wilson_interval(correct, n))}}


def right(n: int, *wrong: int) -> np.ndarray:
    """bool (n,): all right but those."""
    answers = np.ones(n, bool)
    answers[list(wrong)] = False
    return answers
