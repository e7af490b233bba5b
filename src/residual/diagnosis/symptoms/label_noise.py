"""Label noise: the network contradicts labels, and is as sure of that as of what it has right."""

from residual.diagnosis.check import Check, Remedy
from residual.diagnosis.patient import KNOWING, Answers, Patient, Unmeasured
from residual.evaluation.metrics import wilson_interval

NAME = "label-noise"
SHARE = 0.03  # of the validation images, which the low end of the 95% interval must pass
THRESHOLD = f"at least {SHARE:.0%} of the validation images are contradicted with confidence (low end of the interval)"


def find(patient: Patient) -> Check:
    """The validation images that the network contradicts while it is as sure as in half of its right answers.

    The network has not seen the labels of validation images, so that it cannot have learned them by heart. A network
    that errs on hard images is less sure there than in its right answers; one that has learned in spite of wrong labels
    is as sure. Half of the right answers are surer than their median, so that the contradictions are counted twice.

    Args:
        patient: the run.
    """
    held_out = patient.validation
    if held_out.accuracy < KNOWING:
        raise Unmeasured(
            f"The network is right on {held_out.accuracy:.1%} of the validation images: it knows too "
            "little to judge labels."
        )
    wrong = held_out.find_contradicted()
    low, high = wilson_interval(len(wrong), len(held_out))
    found = low > SHARE
    seen = patient.training.find_contradicted()
    evidence = (
        f"{len(wrong)} of {len(held_out)} validation images are contradicted as surely as half of the right answers: "
        f"{len(wrong) / len(held_out):.1%} (95% interval {low:.1%} to {high:.1%}). So about {held_out.noise:.0%} of "
        "the labels may be wrong."
    )
    figures = {
        "contradicted": len(wrong),
        "images": len(held_out),
        "low": low,
        "high": high,
        "estimate": held_out.noise,
        "training_contradicted": len(seen),
    }
    if not found:
        return Check(NAME, False, evidence, THRESHOLD, figures)
    where = [_describe(patient, held_out, i, "validation") for i in wrong]
    where += [_describe(patient, patient.training, i, "training") for i in seen]
    remedies = (
        Remedy(
            "Look at these images and mend their labels: the command lists suspect labels with its own check.",
            f"residual audit {patient.record.train['data']}",
        ),
        Remedy(
            "Look at the others of the same kind: train on another fold, which holds other images out.",
            f"residual train {patient.record.train['data']} --folds 5",
        ),
    )
    return Check(NAME, True, evidence, THRESHOLD, figures, tuple(where), remedies)


def _describe(patient: Patient, answers: Answers, i: int, split: str) -> str:
    names = patient.record.data.classes
    label, said = names[answers.labels[i]], names[answers.predicted[i]]
    return f"{answers.name(i)}: labelled {label}, looks like {said} ({answers.rows[i].max():.0%}); {split}"
