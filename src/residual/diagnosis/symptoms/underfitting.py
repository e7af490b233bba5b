"""Underfitting: even the training images are not classified well."""

from residual.diagnosis.check import Check, Remedy
from residual.diagnosis.patient import Patient
from residual.diagnosis.remedies import format_training

NAME = "underfitting"
LEAST = 0.90  # of the training images, which the high end of the 95% interval must reach
THRESHOLD = (
    f"fewer than {LEAST:.0%} of the training images are right (high end of the interval), with the share of "
    "labels that seem to be wrong added"
)


def find(patient: Patient) -> Check:
    """The accuracy on training images, in inference and without augmentation.

    A network that does not learn wrong labels by heart cannot have them right, which is no underfitting.

    Args:
        patient: the run.
    """
    training = patient.training
    low, high = training.interval
    explained = training.noise
    found = high + explained < LEAST
    evidence = (
        f"{training.accuracy:.1%} of {len(training)} training images are right "
        f"(95% interval {low:.1%} to {high:.1%}); about {explained:.1%} of the labels seem to be wrong."
    )
    remedies = (
        Remedy("Train longer.", format_training(patient, "--epochs", str(2 * patient.recipe.epochs))),
        Remedy("A larger network fits more: residual list shows them.", "residual list"),
    )
    figures = {
        "accuracy": training.accuracy,
        "low": low,
        "high": high,
        "images": len(training),
        "noise": explained,
    }
    return Check(NAME, found, evidence, THRESHOLD, figures, (), remedies if found else ())
