"""Run folders as a training leaves them, written by hand."""

import json
from pathlib import Path

import numpy as np
import tomli_w

from residual.evaluation.test_predictions import keep_predictions
from residual.evaluation.metrics import wilson_interval
from residual.training.recipe import DIGITS, Recipe

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
) -> Path:
    """The folder of a run of `epochs` epochs.

    Args:
        validation: (correct, n); None for a run that has not ended.
        right: bool (n,), which of the test images, cats and dogs in turn, it has right; None for one not judged.
        report: further values of report.json.
    """
    path = Path(root) / name
    path.mkdir(parents=True)
    asked = {
        "started": started,
        "seed": seed,
        "precision": "float32",
        "data": {
            "asked": data,
            "source": "made for the test",
            "classes": list(CLASSES),
            "train_images": 1294,
            "validation_images": 144,
            "test_images": 359,
            "test_fingerprint": f"of {data}",
            "image_size": [32, 32],
        },
        "network": {"name": network, "source": "the test"},
        "recipe": recipe.to_table(),
        "machine": {"system": "Linux", "cores": 2, "keras": "3.15.1"},
    }
    (path / "run.toml").write_text(tomli_w.dumps(asked), "utf-8")
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


def _judged(path: Path, right: np.ndarray | None) -> dict:
    if right is None:
        return {}
    n, correct = len(right), int(right.sum())
    labels = np.arange(n) % 2
    keep_predictions(np.eye(2)[np.where(right, labels, 1 - labels)], labels, CLASSES, path)
    return {"test": {"n": n, "accuracy": correct / n, "interval": list(wilson_interval(correct, n))}}


def right(n: int, *wrong: int) -> np.ndarray:
    """bool (n,): all right but those."""
    answers = np.ones(n, bool)
    answers[list(wrong)] = False
    return answers
