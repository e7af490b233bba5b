"""Overfitting: training images are classified better than validation images, by more than chance."""

from residual.diagnosis.check import Check, Remedy
from residual.diagnosis.patient import Patient
from residual.diagnosis.remedies import format_training
from residual.evaluation.significance import compare_unpaired

NAME = "overfitting"
GAP = 0.05  # of accuracy, which the low end of the 95% interval must pass
THRESHOLD = f"training images are classified at least {GAP:.0%} better than validation images (low end of the interval)"


def find(patient: Patient) -> Check:
    """The gap between training and validation accuracy, both in inference and without augmentation.

    Args:
        patient: the run.
    """
    training, validation = patient.training, patient.validation
    gap = training.accuracy - validation.accuracy
    low, high = compare_unpaired(validation.counts, training.counts).interval
    if len(training) == len(
        patient.split.train
    ):  # all of them, so that only the validation images are a sample
        least, most = validation.interval
        low, high = training.accuracy - most, training.accuracy - least
    found = low > GAP
    evidence = (
        f"{training.accuracy:.1%} of {len(training)} training images and {validation.accuracy:.1%} of "
        f"{len(validation)} validation images are right: a gap of {100 * gap:.1f} points (95% interval "
        f"{100 * low:.1f} to {100 * high:.1f})."
    )
    remedies = [
        Remedy("More images help most. See what there is, and which images are there twice.", _audit(patient))
    ]
    if not patient.recipe.augment:
        remedies.append(
            Remedy(
                "Augment the training images.", format_training(patient, "--set", "augment=[{kind='flip'}]")
            )
        )
    elif patient.recipe.optimizer != "muon":  # whose kernels do not decay
        decay = max(2 * patient.recipe.weight_decay, 0.01)
        remedies.append(
            Remedy(
                "Let the weights decay faster.", format_training(patient, "--set", f"weight_decay={decay:g}")
            )
        )
    figures = {
        "gap": gap,
        "low": low,
        "high": high,
        "training_images": len(training),
        "validation_images": len(validation),
    }
    return Check(NAME, found, evidence, THRESHOLD, figures, (), tuple(remedies) if found else ())


def _audit(patient: Patient) -> str:
    return f"residual audit {patient.record.train['data']}"
