"""The learning rate is too high: the loss jumps, or is not finite."""

from math import log

from residual.diagnosis.check import Check, Remedy
from residual.diagnosis.patient import Patient, Unmeasured
from residual.diagnosis.remedies import change_rate, format_training

NAME = "rate-too-high"
JUMP = 0.10  # of the loss of guessing, ln(classes), by which the loss rises above its lowest before
THRESHOLD = f"the training loss rises by more than {JUMP:.0%} of the loss of guessing, or is not finite"


def find(patient: Patient) -> Check:
    """The largest rise of the training loss above the lowest of the epochs before it.

    Args:
        patient: the run.
    """
    failure = str(patient.report.get("failure", ""))
    stopped = failure.startswith("The loss became")
    losses, guessing = patient.column("loss"), log(len(patient.record.data.classes))
    if len(losses) < 2 and not stopped:
        raise Unmeasured("It takes two epochs to see how the loss changes.")
    rises = [(now - min(losses[:i])) / guessing for i, now in enumerate(losses) if i]
    largest = max(rises, default=0.0)
    epoch = rises.index(largest) + 2 if rises else 1
    evidence = "The loss fell in every epoch."
    if largest > 0:
        lowest = min(losses[: epoch - 1])
        evidence = (
            f"The training loss rises from {lowest:.3g} to {losses[epoch - 1]:.3g} nats at epoch {epoch}: by "
            f"{largest:.1%} of the loss of guessing."
        )
    if stopped:
        evidence = failure.split(" To try:")[0]
    found = stopped or largest > JUMP
    remedy = Remedy("Train with a third of the rate.", format_training(patient, *change_rate(patient, 1 / 3)))
    figures = {"largest_rise": max(largest, 0.0), "epoch": epoch, "not_finite": stopped}
    return Check(NAME, found, evidence, THRESHOLD, figures, (), (remedy,) if found else ())
