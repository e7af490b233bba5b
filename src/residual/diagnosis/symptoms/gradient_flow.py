"""Vanishing or exploding layers: gradients and activations whose size changes from layer to layer."""

import numpy as np

from residual.diagnosis.check import Check, Remedy
from residual.diagnosis.layers import LayerScale, measure_scales
from residual.diagnosis.patient import BATCH, Patient, Unmeasured, spread
from residual.diagnosis.remedies import format_training

NAME = "gradient-flow"
APART = 1e3  # factor between the gradients of the first and the last quarter of the layers
LARGEST, SMALLEST = 1e4, 1e-4  # root mean square of an activation
LEAST = 8  # layers
THRESHOLD = (
    f"the gradients of the first and the last quarter of the layers are more than {APART:,.0f} times apart, or an "
    f"activation is above {LARGEST:,.0f} or below {SMALLEST:g} (root mean square)"
)


def find(patient: Patient) -> Check:
    """Gradient and activation of each layer with weights, on one batch of training images.

    A gradient is divided by the size of the weights that it changes, so that layers can be compared.

    Args:
        patient: the run.
    """
    images = patient.split.train.take(spread(len(patient.split.train), BATCH))
    labels = np.eye(len(patient.record.data.classes), dtype=np.float32)[images.y]
    scales = measure_scales(patient.model, images.x[np.arange(len(images))], labels)
    if len(scales) < LEAST:
        raise Unmeasured(
            f"It takes {LEAST} layers with trainable weights to compare the first with the last."
        )
    quarter = max(2, len(scales) // 4)
    first = float(np.median([one.gradient for one in scales[:quarter]]))
    last = float(np.median([one.gradient for one in scales[-quarter:]]))
    ratio = first / last if last > 0 and np.isfinite(first / last) else None
    odd = [one for one in scales if not SMALLEST <= one.activation <= LARGEST]
    found = bool(ratio is None or not 1 / APART <= ratio <= APART or odd)
    evidence = (
        f"The gradient is {first:.2g} of the weights in the first {quarter} layers and {last:.2g} in the last "
        f"{quarter}{_write_factor(ratio)}. Activations go from {min(one.activation for one in scales):.2g} to "
        f"{max(one.activation for one in scales):.2g}."
    )
    figures = {
        "first_to_last": ratio,
        "first": first,
        "last": last,
        "largest_activation": max(one.activation for one in scales),
        "smallest_activation": min(one.activation for one in scales),
        "layers": len(scales),
    }
    where = tuple(_describe(one) for one in (odd or scales[:quarter])) if found else ()
    return Check(NAME, found, evidence, THRESHOLD, figures, where, _advise(patient) if found else ())


def _write_factor(ratio: float | None) -> str:
    return "" if ratio is None else f": a factor of {ratio:.2g}"


def _describe(one: LayerScale) -> str:
    return f"{one.name}: gradient {one.gradient:.2g} of the weights, activation {one.activation:.2g}"


def _advise(patient: Patient) -> tuple[Remedy, ...]:
    return (
        Remedy("Use a network with shortcuts and batch norm, such as resnet18.", _with_resnet(patient)),
        Remedy("See where the gradient is lost, layer by layer.", "residual study vanishing"),
    )


def _with_resnet(patient: Patient) -> str | None:
    data = patient.record.train["data"]
    named = format_training(patient)
    return f"residual train {data} --model resnet18" if named or not data.startswith("(") else None
