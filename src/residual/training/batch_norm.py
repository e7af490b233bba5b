"""Batch-norm statistics that fit the weights.

In inference a batch norm uses moving averages of what it saw in training. With Keras's momentum of 0.99 they trail
the weights by hundreds of steps: after a short training a network can know its training images and guess at all
others. Two things prevent that here: the momentum follows the number of steps, and after training the statistics are
computed anew, as a plain average over training data (arXiv:2105.07576).
"""

import hashlib
from collections.abc import Sequence

import keras
import numpy as np

from residual import backend
from residual.augment import Augmentation, apply_augmentations
from residual.data.images import Dataset, Images
from residual.errors import RunError
from residual.training.batches import in_order
from residual.training.distribution import predict

MAX_IMAGES = 10_000  # enough to know a mean and a variance by


def momentum_for(steps: int) -> float:
    """Momentum whose window, 1 / (1 - momentum) steps, is a thirtieth of the training: 0.8 to 0.99."""
    return 1 - 1 / float(np.clip(steps / 30, 5, 100))


def norms(model: keras.Model) -> list[keras.layers.BatchNormalization]:
    """Every batch norm of a model, those of models inside it too, each once."""
    found: dict[int, keras.layers.BatchNormalization] = {}
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            found[id(layer)] = layer
        elif isinstance(layer, keras.Model):
            found |= {id(inner): inner for inner in norms(layer)}
    return list(found.values())


def set_momentum(model: keras.Model, momentum: float) -> None:
    """Give every batch norm this momentum; call before the model is compiled."""
    for layer in norms(model):
        layer.momentum = momentum


def moving_statistics(model: keras.Model) -> list[np.ndarray]:
    """The moving means and variances of every batch norm, in order."""
    return [
        np.array(keras.ops.convert_to_numpy(variable))
        for layer in norms(model)
        for variable in (layer.moving_mean, layer.moving_variance)
    ]


def assign_statistics(model: keras.Model, values: list[np.ndarray]) -> None:
    """Put back what `moving_statistics` returned."""
    pairs = iter(values)
    for layer in norms(model):
        layer.moving_mean.assign(next(pairs))
        layer.moving_variance.assign(next(pairs))


def check_statistics(model: keras.Model) -> None:
    """Refuse statistics that turn every output of a batch norm into NaN: a variance that is negative or not finite.

    Raises:
        RunError: naming the layer, and what to do.
    """
    for layer in norms(model):
        mean = np.asarray(keras.ops.convert_to_numpy(layer.moving_mean))
        variance = np.asarray(keras.ops.convert_to_numpy(layer.moving_variance))
        wrong = variance[~(np.isfinite(mean) & np.isfinite(variance) & (variance + layer.epsilon > 0))]
        if not len(wrong):
            continue
        raise RunError(
            f"The batch norm {layer.name} has a variance of {wrong[0]:.3g}, which must be a finite number from 0. "
            f"{model.name} cannot predict with it and is not saved. On the torch backend Keras takes the difference "
            "of two large numbers for the variance, which is negative if values are far from zero and nearly alike. "
            "Use the normalization channel in the `recipe`, or KERAS_BACKEND tensorflow or jax."
        )


def hash_weights(model: keras.Model, whole: str = "int64") -> str:
    """SHA-256 of all weights, in order: equal for networks that are equal to the last bit, on any backend.

    Args:
        model: any.
        whole: the type that whole numbers get first. A Normalization counts in int64 on TensorFlow, and in int32 on JAX
            and torch.
    """
    digest = hashlib.sha256()
    for weight in model.get_weights():
        is_whole = np.issubdtype(weight.dtype, np.integer)
        digest.update(np.ascontiguousarray(weight.astype(whole) if is_whole else weight))
    return digest.hexdigest()


def has_hash(model: keras.Model, expected: str) -> bool:
    """Whether a model has the weights of a hash. Version 0.1 hashed whole numbers as int32 on JAX and torch."""
    return any(hash_weights(model, whole) == expected for whole in ("int64", "int32"))


def recompute_and_score(
    model: keras.Model, data: Dataset, batch_size: int, augment: Sequence[Augmentation]
) -> tuple[list[np.ndarray], dict, np.ndarray]:
    """Recompute the statistics; the old ones, the validation accuracy with each, and the probabilities with the new.

    Args:
        model: trained.
        data: with a validation set.
        batch_size, augment: as in training.

    Raises:
        RunError: if the recomputed statistics are no statistics.

    Returns:
        The moving statistics as they were; n, accuracy and accuracy_with_moving_statistics for the report; and
        the probabilities (n, k) of the validation images.
    """
    batches, y = in_order(data.validation, len(data.classes), batch_size), data.validation.y
    moving = moving_statistics(model)
    before = predict(model, batches)
    recompute_batch_norm(model, data.train, batch_size, augment)
    after = predict(model, batches)
    accuracies = [float((rows.argmax(1) == y).mean()) for rows in (after, before)]
    scores = {"n": len(y), "accuracy": accuracies[0], "accuracy_with_moving_statistics": accuracies[1]}
    return moving, scores, after


def recompute_batch_norm(
    model: keras.Model,
    images: Images | np.ndarray,
    batch_size: int,
    augment: Sequence[Augmentation] = (),
    *,
    max_images: int = MAX_IMAGES,
    seed: int = 0,
) -> None:
    """Replace the moving statistics by a true average over training images.

    The variance is that of all images together: mean of the batches' variances plus variance of their means.
    The weights fit what the network saw in training, so images that were augmented then are augmented here: with
    black borders moved in by training alone, statistics without them cost 4 points of accuracy on CIFAR-10.

    Raises:
        RunError: as for `check_statistics`, for the statistics of any batch.

    Args:
        model: its other weights stay as they are.
        images: training images, as Images or an array (n, height, width, 3) as the model takes it; a random
            `max_images` of them are used.
        batch_size: as in training.
        augment: as in training.
        seed: of the images that are used, and of their augmentation.
    """
    momenta = [layer.momentum for layer in norms(model)]
    set_momentum(model, 0.0)  # moving statistics = those of the last batch
    forward = backend.training_forward(model)
    pixels = images.x if isinstance(images, Images) else images
    order = np.random.default_rng(seed).permutation(len(pixels))[:max_images]
    average = _Average()
    for start in range(0, len(order), batch_size):
        batch = order[start : start + batch_size]
        if start and len(batch) < batch_size / 2:
            break  # too few images to measure a variance on
        labels = np.ones((len(batch), 1), np.float32)  # nobody reads them
        x, _ = apply_augmentations(pixels[batch], labels, augment, np.random.default_rng((seed, start)))
        forward(x)
        check_statistics(model)
        average.add(moving_statistics(model), len(batch))
    assign_statistics(model, average.statistics())
    for layer, momentum in zip(norms(model), momenta, strict=True):
        layer.momentum = momentum


class _Average:
    """The means and variances of several batches together, in float64."""

    def __init__(self):
        self.weight, self.sums = 0, None

    def add(self, statistics: list[np.ndarray], count: int) -> None:
        """Add those of a batch of `count` images: mean and variance of every batch norm in turn."""
        seen = [np.float64(value) for value in statistics]
        moments = [
            part
            for mean, variance in zip(seen[::2], seen[1::2], strict=True)
            for part in (mean, variance + mean**2)
        ]
        self.sums = [
            count * part + (total if self.sums else 0)
            for part, total in zip(moments, self.sums or moments, strict=True)
        ]
        self.weight += count

    def statistics(self) -> list[np.ndarray]:
        """Those of all batches, float32."""
        averages = [total / self.weight for total in self.sums or []]
        return [
            value.astype(np.float32)
            for mean, square in zip(averages[::2], averages[1::2], strict=True)
            for value in (mean, np.maximum(square - mean**2, 0))
        ]
