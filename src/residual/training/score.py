"""What a training scores on its validation images: the weights that it begins with, and those that it ends with."""

from typing import Any

import keras
import numpy as np
from rich.console import Console

from residual._console import print_row
from residual.data.images import Dataset
from residual.training import batch_norm
from residual.training.batches import in_order
from residual.training.callbacks.best_weights import BestWeights
from residual.training.distribution import predict
from residual.training.job import Job


def make_best(job: Job) -> BestWeights:
    """What keeps the best weights of a training."""
    return BestWeights(job.recipe.keep, len(job.training.validation))


def score_start(
    model: keras.Model, data: Dataset, batch_size: int, best: BestWeights, console: Console
) -> None:
    """Let the fitted head on the trained weights take part in the choice of the best weights, and show its score.

    Args:
        model: compiled, with the weights that the training begins with.
        data: with a validation set.
        batch_size: of the recipe.
        best: gets the weights and their score.
        console: for the score.
    """
    images = in_order(data.validation, len(data.classes), batch_size)
    found: Any = model.evaluate(images, verbose=0, return_dict=True)
    best.begin_with(model, float(found["accuracy"]), float(found["loss"]))
    print_row(
        console,
        "start",
        f"the fitted head: validation accuracy {found['accuracy']:.1%} of {len(data.validation)}",
    )


def score_validation(
    model: keras.Model, job: Job, best: BestWeights
) -> tuple[list[np.ndarray], dict, np.ndarray]:
    """The moving statistics, the scores for the report, and the probabilities of the validation images.

    Statistics that followed the batches of the training are recomputed first; those that were kept stay as they are.

    Args:
        model: trained.
        job: what it was trained on.
        best: that chose its weights.

    Raises:
        RunError: if the recomputed statistics are not finite.

    Returns:
        As `batch_norm.recompute_and_score`.
    """
    data, recipe = job.training, job.recipe
    followed = recipe.statistics == "batch" and not (recipe.head == "fitted" and best.epoch == 0)
    if followed:
        return batch_norm.recompute_and_score(model, data, recipe.batch_size, recipe.augment)
    if job.read_features is not None:
        rows = predict_from_features(model, job.read_features(data.validation))
    else:
        rows = predict(model, in_order(data.validation, len(data.classes), recipe.batch_size))
    accuracy = float((rows.argmax(1) == data.validation.y).mean())
    scores = {"n": len(rows), "accuracy": accuracy, "accuracy_with_moving_statistics": accuracy}
    return batch_norm.moving_statistics(model), scores, rows


def predict_from_features(model: keras.Model, features: np.ndarray) -> np.ndarray:
    """float32 (n, classes) probabilities by the last layer of a classifier, of what it reads, (n, d)."""
    from residual.models.transfer import read_head
    from residual.training.probe import find_softmax

    kernel, bias = read_head(model)
    return find_softmax(features @ kernel + bias).astype(np.float32)


def describe_fitted(images: int, seconds: float) -> dict[str, Any]:
    """For the report of a run whose head was fitted and that trained no epochs, what `run_epochs` returns of others.

    Args:
        images: training images.
        seconds: that reading the images, their features and the fit took.
    """
    return {
        "epochs": 0,
        "interrupted": False,
        "training_seconds": round(seconds, 2),
        "images_per_second": round(images / max(seconds, 1e-9), 1),
        "waiting_for_data": 0.0,
        "checkpoint_seconds": 0.0,
        "precision": "float32",
        "planned_seconds": 0.0,
    }
