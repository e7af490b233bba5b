"""Label noise: the network contradicts labels, and is as sure of that as of what it has right."""

import numpy as np

from residual.diagnosis.check import Check, Remedy
from residual.diagnosis.patient import Answers, Patient
from residual.evaluation.metrics import wilson_interval

NAME = "label-noise"
SHARE = 0.01  # of the validation images, which the low end of the 95% interval must pass
NAMED = 20  # images at most
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
    wrong = find_contradicted(held_out)
    low, high = wilson_interval(len(wrong), len(held_out))
    found = low > SHARE
    estimate = 2 * len(wrong) / len(held_out)
    seen = find_contradicted(patient.training)
    evidence = (
        f"{len(wrong)} of {len(held_out)} validation images are contradicted as surely as half of the right answers: "
        f"{len(wrong) / len(held_out):.1%} (95% interval {low:.1%} to {high:.1%}). So about {min(estimate, 1):.0%} of "
        "the labels may be wrong."
    )
    figures = {
        "contradicted": len(wrong),
        "images": len(held_out),
        "low": low,
        "high": high,
        "estimate": estimate,
    }
    figures["training_contradicted"] = len(seen)
    if not found:
        return Check(NAME, False, evidence, THRESHOLD, figures)
    where = [_describe(patient, held_out, i, "validation") for i in wrong[:NAMED]]
    where += [_describe(patient, patient.training, i, "training") for i in seen[: NAMED - len(where)]]
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


def find_contradicted(answers: Answers) -> list[int]:
    """The images with another label than the network gives them, as surely as in half of its right answers.

    Args:
        answers: of the network.

    Returns:
        Their numbers, those first whose label it finds least probable beside its own.
    """
    sure = answers.rows.max(1)
    if not answers.right.any():
        return []
    median = float(np.median(sure[answers.right]))
    wrong = np.flatnonzero(~answers.right & (sure >= median))
    margin = sure[wrong] - answers.rows[wrong, answers.labels[wrong]]
    return [int(i) for i in wrong[np.argsort(-margin, kind="stable")]]


def _describe(patient: Patient, answers: Answers, i: int, split: str) -> str:
    names = patient.record.data.classes
    label, said = names[answers.labels[i]], names[answers.predicted[i]]
    return f"{answers.name(i)}: labelled {label}, looks like {said} ({answers.rows[i].max():.0%}); {split}"
