"""Dead ReLUs: channels that are zero whatever the image is."""

from residual.diagnosis.check import Check, Remedy
from residual.diagnosis.layers import measure_relus
from residual.diagnosis.patient import Patient, Unmeasured
from residual.diagnosis.remedies import change_rate, format_training

NAME = "dead-relus"
SHARE = 0.20  # of the channels of a layer
THRESHOLD = f"more than {SHARE:.0%} of the channels of a layer are zero on every validation image"
LEAST = 64  # images


def find(patient: Patient) -> Check:
    """The channels of each ReLU that no validation image makes positive.

    Args:
        patient: the run.
    """
    x = patient.validation.images.x
    if len(x) < LEAST:
        x = patient.training.images.x
    if len(x) < LEAST:
        raise Unmeasured(f"It takes {LEAST} images to call a channel dead.")
    relus = measure_relus(patient.model, x)
    if not relus:
        raise Unmeasured("The network has no ReLU.")
    dead, channels = sum(one.dead for one in relus), sum(one.channels for one in relus)
    worst = sorted(relus, key=lambda one: -one.dead / one.channels)
    top = worst[0]
    found = top.dead / top.channels > SHARE
    evidence = (
        f"{dead} of {channels} channels are zero on all {len(x)} images. The worst layer is {top.name}: {top.dead} of "
        f"{top.channels}."
    )
    where = tuple(
        f"{one.name}: {one.dead} of {one.channels}" for one in worst if one.dead / one.channels > SHARE
    )
    remedy = Remedy(
        "Train anew with a third of the rate: a step that is too large pushes biases below everything that comes in.",
        format_training(patient, *change_rate(patient, 1 / 3)),
    )
    figures = {"dead": dead, "channels": channels, "worst_share": top.dead / top.channels, "images": len(x)}
    return Check(NAME, found, evidence, THRESHOLD, figures, where, (remedy,) if found else ())
