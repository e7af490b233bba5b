"""Stale batch norms: moving statistics that are not those of the data."""

import numpy as np

from residual.diagnosis.check import Check, Remedy
from residual.diagnosis.norms import MEAN_APART, SPREAD_APART, examine_norms, with_statistics
from residual.diagnosis.patient import Answers, Patient, Unmeasured
from residual.evaluation.predict import predict_probabilities
from residual.evaluation.significance import compare_paired
from residual.training.batch_norm import norms

NAME = "stale-batch-norm"
MOST = 1_000  # images
THRESHOLD = (
    f"a moving mean is more than {MEAN_APART:g} standard deviations of the data away or a moving standard deviation "
    f"off by more than a factor of {SPREAD_APART:g}, and recomputed statistics are right on more validation images "
    "than chance explains"
)


def find(patient: Patient) -> Check:
    """The distance of moving statistics from those of the training images, and what it costs on validation images.

    Args:
        patient: the run.
    """
    model, recipe = patient.model, patient.recipe
    if not norms(model):
        raise Unmeasured("The network has no batch norm.")
    x = patient.training.images.x
    report = examine_norms(
        model, x[np.arange(min(len(x), MOST))], recipe.batch_size, recipe.augment, max_images=MOST
    )
    images = patient.validation.images
    with with_statistics(model, report.recomputed):
        after = Answers(images, predict_probabilities(model, images.x))
    gain = compare_paired(patient.validation.right, after.right)
    stale = report.stale
    found = bool(stale) and gain.beyond_chance and gain.value > 0
    farthest = max(report.states, key=lambda one: one.mean_apart)
    widest = max(report.states, key=lambda one: one.spread_apart)
    evidence = (
        f"{len(stale)} of {len(report.states)} batch norms are stale: means up to {farthest.mean_apart:.2g} standard "
        f"deviations away ({farthest.name}), standard deviations off by a factor of up to {widest.spread_apart:.2g}. "
        f"{patient.validation.accuracy:.1%} of {len(images)} validation images are right, with recomputed statistics "
        f"{after.accuracy:.1%}."
    )
    figures = {
        "stale": len(stale),
        "layers": len(report.states),
        "mean_apart": farthest.mean_apart,
        "spread_apart": widest.spread_apart,
        "accuracy": patient.validation.accuracy,
        "accuracy_recomputed": after.accuracy,
        "p": gain.p,
    }
    where = tuple(
        f"{one.name}: mean {one.mean_apart:.2g} standard deviations away, factor {one.spread_apart:.2g}"
        for one in stale
    )
    command = f"residual study batch-norm {patient.path} --repair repaired.keras"
    remedy = Remedy("Recompute the statistics and save the network as a new file.", command)
    return Check(
        NAME, found, evidence, THRESHOLD, figures, where if found else (), (remedy,) if found else ()
    )
