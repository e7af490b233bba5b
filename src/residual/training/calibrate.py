"""The end of a training: probabilities that are frequencies, and the facts by which predictions are judged."""

from typing import Any

import keras
import numpy as np

from residual.data.images import Images
from residual.models.head import Head, divide_logits, find_head
from residual.training.batch_norm import hash_weights
from residual.training.batches import in_order
from residual.training.distribution import predict
from residual.training.job import Job
from residual.trust.calibration import measure_calibration
from residual.trust.distance import fit_feature_space
from residual.trust.facts import MOST_IMAGES, TrustFacts
from residual.trust.temperature import apply_temperature, find_nll, fit_temperature

_NO_HEAD = "the network does not end in a Dense layer and a softmax, whose weights would take the temperature"


def calibrate(model: keras.Model, job: Job, probabilities: np.ndarray) -> tuple[TrustFacts, dict[str, Any]]:
    """Divide the logits by the temperature that the validation images ask for, in the weights of the last layer.

    Args:
        model: trained; its labels stay as they are.
        job: what it was trained on.
        probabilities: (n, k) of its validation images.

    Returns:
        The facts for trust.npz, and the table "calibration" of report.json.
    """
    labels, head = job.training.validation.y, find_head(model)
    temperature, note = 1.0, ""
    if not job.recipe.calibrate:
        note = "the recipe says calibrate = false"
    elif head is None:
        note = _NO_HEAD
    else:
        temperature = fit_temperature(probabilities, labels)
        divide_logits(head, temperature)
    after = apply_temperature(probabilities, temperature)
    table: dict[str, Any] = {"temperature": temperature, "n": len(labels)}
    table |= {"note": note} if note else {}
    table["before"], table["after"] = _score(probabilities, labels), _score(after, labels)
    return _collect_facts(model, job, head, temperature, after), table


def _score(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Negative log-likelihood and calibration error, for the report."""
    found = measure_calibration(probabilities.max(1), probabilities.argmax(1) == labels)
    return {"nll": find_nll(probabilities, labels), **found.to_dict()}


def _collect_facts(
    model: keras.Model, job: Job, head: Head | None, temperature: float, probabilities: np.ndarray
) -> TrustFacts:
    labels, train = job.training.validation.y, job.split.train
    chosen = choose_images(train.y)
    space, distances = None, np.zeros(0, np.float32)
    features = np.zeros((len(chosen), 0), np.float16)
    if head is not None:
        reader: Any = keras.Model(model.input, head.features)
        features = _read_features(reader, train.take(chosen), job)
        space = fit_feature_space(features, train.y[chosen])
        distances = space.find_distances(_read_features(reader, job.split.validation, job))
    return TrustFacts(
        weights_sha256=hash_weights(model),
        temperature=temperature,
        confidence=probabilities.max(1),
        correct=probabilities.argmax(1) == labels,
        space=space,
        distances=distances,
        features=features,
        labels=train.y[chosen],
        images=chosen,
    )


def _read_features(reader: Any, images: Images, job: Job) -> np.ndarray:
    """float32 (n, d): what the last layer of the network reads; of a body that was not trained it is known already."""
    if job.read_features is not None:
        return job.read_features(images)
    batches = in_order(images, len(job.data.classes), job.recipe.batch_size)
    return predict(reader, batches).astype(np.float32, copy=False)


def choose_images(labels: np.ndarray, most: int = MOST_IMAGES, seed: int = 0) -> np.ndarray:
    """The places of up to `most` images, sorted: all, or as many of each class as there are, drawn at random.

    Args:
        labels: (n,) the numbers of their classes.
        most: how many.
        seed: of the draw.
    """
    if len(labels) <= most:
        return np.arange(len(labels))
    order = np.random.default_rng(seed).permutation(len(labels))
    turn = np.zeros(len(labels), np.int64)  # the how-manieth of its class each image is
    for kind in np.unique(labels):
        mine = np.flatnonzero(labels[order] == kind)
        turn[mine] = np.arange(len(mine))
    return np.sort(order[np.argsort(turn, kind="stable")[:most]])
