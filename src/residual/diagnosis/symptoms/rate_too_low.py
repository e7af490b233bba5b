"""The learning rate is too low, or the training too short: the loss still falls as fast as in the beginning."""

from math import log

import numpy as np

from residual.diagnosis.check import Check, Remedy
from residual.diagnosis.patient import Patient, Unmeasured
from residual.diagnosis.remedies import change_rate, format_training

NAME = "rate-too-low"
LATE = 0.25  # share of the early fall that the late one still has
LEFT = 0.20  # of the loss of guessing, which is left at the end
# A loss that stands still, or jumps, has another cause.
FALL = 0.05  # of the loss of guessing, by which it must fall in both halves
LEAST = 4  # epochs
THRESHOLD = (
    f"in the second half of all learning the loss falls by more than {LATE:.0%} of what it fell in the first and by "
    f"{FALL:.0%} of the loss of guessing, of which more than {LEFT:.0%} is left"
)


def find(patient: Patient) -> Check:
    """How much the loss falls in the second half of the training, measured by the sum of the learning rates.

    A rate that ends near 0 makes every loss level out; the sum of the rates says how far the weights could go.

    Args:
        patient: the run.
    """
    losses = patient.column("loss")
    if len(losses) < LEAST or len(losses) != len(patient.rows):
        raise Unmeasured(f"It takes {LEAST} epochs with a finite loss to see whether it still falls.")
    rates = np.array([row["learning_rate"] for row in patient.rows])
    if not rates.sum() > 0:
        raise Unmeasured("log.csv has no learning rate above 0.")
    guessing = log(len(patient.record.data.classes))
    floor = find_lowest_loss(patient.recipe.label_smoothing, len(patient.record.data.classes))
    share = np.cumsum(rates) / rates.sum()
    middle = float(np.interp(0.5, share, losses))
    early, late = max(guessing, losses[0]) - middle, middle - losses[-1]
    ratio, left = late / max(early, 1e-9), (losses[-1] - floor) / guessing
    found = min(early, late) > FALL * guessing and ratio > LATE and left > LEFT
    evidence = (
        f"The training loss falls from {max(guessing, losses[0]):.3g} to {middle:.3g} nats in the first half of all "
        f"learning and to {losses[-1]:.3g} in the second; {max(left, 0):.0%} of the loss of guessing is left."
    )
    remedies = (
        Remedy(
            "Train with three times the rate.",
            format_training(patient, *change_rate(patient, 3)),
        ),
        Remedy(
            "If the loss jumps then, the rate was right and the training too short: train longer.",
            format_training(patient, "--epochs", str(2 * patient.recipe.epochs)),
        ),
    )
    figures = {"late_to_early": ratio, "left": left, "final_loss": losses[-1]}
    return Check(NAME, found, evidence, THRESHOLD, figures, (), remedies if found else ())


def find_lowest_loss(smoothing: float, classes: int) -> float:
    """The lowest loss that smoothed labels leave, in nats.

    Args:
        smoothing: share of a label that is spread over all classes.
        classes: how many there are.
    """
    if not smoothing:
        return 0.0
    other = smoothing / classes
    own = 1 - smoothing + other
    return -(own * log(own) + (classes - 1) * other * log(other))
