"""Runs made by hand for the doctor: histories, answers and small networks, healthy or ill on purpose."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np

from residual.data.images import Dataset, ImageNames, Images
from residual.diagnosis.patient import Answers, Patient
from residual.training.recipes import DIGITS
from tests.support.made import COLOURS, stripes


def make_patient(
    losses: Sequence[float] = (), rates: Sequence[float] = (), model: Any = None, report: dict | None = None
) -> Patient:
    """A run of three classes with a history, and perhaps a network on striped images."""
    rows = [
        {"epoch": i + 1, "loss": loss, "learning_rate": rate}
        for i, (loss, rate) in enumerate(zip(losses, rates or [1e-3] * len(losses), strict=True))
    ]
    record = SimpleNamespace(
        data=SimpleNamespace(classes=COLOURS, image_size=(16, 16)),
        train={"data": "photos"},
        network=SimpleNamespace(name="cifar-resnet8", source="He et al. 2015"),
        recipe=DIGITS.to_table(),
    )
    folder: Any = SimpleNamespace(
        path=Path("runs/made"),
        record=record,
        report=report or {},
        log_rows=lambda: rows,
        model=SimpleNamespace(is_file=lambda: model is not None),
    )
    data = Dataset("made", stripes(96, 0), stripes(8, 2), COLOURS, "made", stripes(96, 1))
    return Patient(folder, lambda: model, lambda: data)


def give_answers(patient: Patient, **splits: tuple[Sequence[int], Sequence[int], Sequence[float]]) -> None:
    """Let a patient answer: for each split the labels, what it says, and how sure it is."""
    for split, (labels, said, sure) in splits.items():
        y = np.asarray(labels)
        rows = np.repeat((1 - np.asarray(sure, float))[:, None] / 2, 3, axis=1)
        rows[np.arange(len(y)), said] = sure
        names = ImageNames([f"{split}/{i}.png" for i in range(len(y))], np.arange(len(y)))
        images = Images(np.zeros((len(y), 1, 1, 3), np.uint8), y, None, names)
        patient.__dict__[split] = Answers(images, rows)


def colour_network(mean: Sequence[float] | None = None) -> keras.Model:
    """A network that is right on every striped image if its batch norm has the statistics of the images.

    Args:
        mean: the moving mean; None for that of the images.
    """
    pixels = keras.Input((16, 16, 3))
    norm = keras.layers.BatchNormalization(name="norm")
    x = keras.layers.GlobalAveragePooling2D()(norm(pixels))
    x = keras.layers.Dense(3, kernel_initializer=keras.initializers.Constant(20 * np.eye(3)))(x)
    model = keras.Model(pixels, keras.layers.Softmax()(x), name="colours")
    images = stripes(96, 0).x.astype(np.float64)
    norm.moving_mean.assign(images.mean((0, 1, 2)) if mean is None else np.asarray(mean, np.float64))
    norm.moving_variance.assign(images.var((0, 1, 2)))
    return model


def plain_network(stddev: float, bias: float = 0.0) -> keras.Model:
    """Ten convolutions with ReLUs and no batch norm.

    Args:
        stddev: of the kernels.
        bias: of half the channels of the third.
    """
    pixels = keras.Input((16, 16, 3))
    x = keras.layers.Rescaling(1 / 255)(pixels)
    for i in range(10):
        kernel = keras.initializers.RandomNormal(stddev=stddev, seed=i)
        biases = keras.initializers.Constant([bias] * 4 + [0.0] * 4) if i == 2 else "zeros"
        conv = keras.layers.Conv2D(
            8,
            3,
            padding="same",
            activation="relu",
            kernel_initializer=kernel,
            bias_initializer=biases,
            name=f"conv{i}",
        )
        x = conv(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(pixels, keras.layers.Dense(3, activation="softmax", name="head")(x))
