"""Each symptom is found in a run that is ill, and not in one that is healthy."""

from math import log

import numpy as np
import pytest
from msgspec.structs import replace

from residual.diagnosis.diagnose import diagnose
from residual.diagnosis.patient import Unmeasured
from residual.diagnosis.remedies import format_training
from residual.diagnosis.symptoms import (
    SYMPTOMS,
    dead_relus,
    gradient_flow,
    label_noise,
    overfitting,
    rate_too_high,
    rate_too_low,
    stale_batch_norm,
    underfitting,
)
from tests.support.patients import colour_network, give_answers, make_patient, plain_network

FALLING = (1.0, 0.4, 0.1, 0.05, 0.03, 0.02)
ONCE_A_CYCLE = (0.5e-3, 1e-3, 0.8e-3, 0.5e-3, 0.2e-3, 0.0)


def test_a_loss_that_jumps_shows_a_rate_too_high():
    healthy = rate_too_high.find(make_patient((1.0, 0.4, 0.1, 0.12, 0.05)))
    ill = rate_too_high.find(make_patient((1.0, 0.4, 0.9, 0.3, 0.2)))
    assert (healthy.found, healthy.remedies) == (False, ())
    assert ill.found
    assert ill.figures["largest_rise"] == pytest.approx(0.5 / log(3))
    assert "from 0.4 to 0.9 nats at epoch 3" in ill.evidence
    assert "--set schedule.peak=0.00133" in ill.remedies[0].command


def test_a_loss_that_is_not_finite_shows_a_rate_too_high():
    text = "The loss became nan at step 7, at the learning rate 9. To try: a lower rate."
    found = rate_too_high.find(make_patient(report={"failure": text}))
    assert found.found
    assert found.evidence == "The loss became nan at step 7, at the learning rate 9."


def test_a_loss_that_falls_as_fast_in_the_end_shows_a_rate_too_low():
    healthy = rate_too_low.find(make_patient(FALLING, ONCE_A_CYCLE))
    ill = rate_too_low.find(make_patient((1.09, 1.0, 0.9, 0.8, 0.72, 0.7), ONCE_A_CYCLE))
    still = rate_too_low.find(make_patient((1.0985, 1.0985, 1.0984, 1.0984, 1.0983, 1.0983), ONCE_A_CYCLE))
    assert not healthy.found
    assert not still.found  # a loss that stands still has another cause
    assert ill.found
    assert "--set schedule.peak=0.012" in ill.remedies[0].command


def test_a_training_from_trained_weights_is_repeated_from_them():
    patient = make_patient()
    assert "--model" in format_training(patient)
    patient.record.train["weights"] = "cifar10-1"
    assert "--weights cifar10-1" in format_training(patient)
    assert "--model" not in format_training(patient)


def test_a_history_of_two_epochs_says_nothing_about_a_rate_too_low():
    with pytest.raises(Unmeasured, match="It takes 4 epochs"):
        rate_too_low.find(make_patient((1.0, 0.9)))


@pytest.mark.parametrize(("bias", "found"), [(0.0, False), (-1e3, True)])
def test_channels_that_no_image_makes_positive_are_dead(bias, found):
    check = dead_relus.find(make_patient(model=plain_network(0.2, bias)))
    assert check.found == found
    if found:
        assert check.where[0] == "conv2: 4 of 8"
        assert check.figures["worst_share"] == 0.5


@pytest.mark.parametrize(("stddev", "found"), [(0.17, False), (1e-3, True), (8.0, True)])
def test_activations_that_vanish_or_explode_are_found(stddev, found):
    model = plain_network(stddev)
    before = model.get_weights()
    check = gradient_flow.find(make_patient(model=model))
    assert check.found == found, check.evidence
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_statistics_that_cost_accuracy_are_stale():
    healthy = stale_batch_norm.find(make_patient(model=colour_network()))
    ill = stale_batch_norm.find(make_patient(model=colour_network((999.0, 0.0, 0.0))))
    assert not healthy.found
    assert healthy.figures["accuracy"] == 1.0
    assert ill.found
    assert ill.figures["accuracy_recomputed"] == 1.0
    assert ill.where[0].startswith("norm: mean ")


def answers(n: int, wrong: int, sure: float = 0.9, sure_when_wrong: float = 0.6):
    labels = np.arange(n) % 3
    said = np.where(np.arange(n) < wrong, (labels + 1) % 3, labels)
    return labels, said, np.where(np.arange(n) < wrong, sure_when_wrong, sure)


def test_a_gap_beyond_chance_is_overfitting():
    patient = make_patient()
    give_answers(patient, training=answers(900, 0), validation=answers(100, 4))
    assert not overfitting.find(patient).found
    give_answers(patient, validation=answers(100, 20))
    check = overfitting.find(patient)
    assert check.found
    assert check.figures["gap"] == pytest.approx(0.2)
    give_answers(patient, training=answers(96, 0), validation=answers(1000, 80))
    assert overfitting.find(patient).found  # all training images are measured: only the others are a sample
    give_answers(patient, validation=answers(10, 1))
    assert not overfitting.find(patient).found  # 10 images are too few to tell


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_faster_decay_is_a_remedy_where_kernels_decay(optimizer):
    patient = make_patient()
    patient.recipe = replace(patient.recipe, optimizer=optimizer)
    give_answers(patient, training=answers(900, 0), validation=answers(100, 20))
    said = [remedy.text for remedy in overfitting.find(patient).remedies]
    assert ("Let the weights decay faster." in said) == (optimizer == "adamw")


def test_training_images_that_are_not_right_are_underfitting():
    patient = make_patient()
    give_answers(patient, training=answers(900, 10))
    assert not underfitting.find(patient).found
    give_answers(patient, training=answers(900, 300))
    assert underfitting.find(patient).found
    give_answers(patient, training=answers(900, 150, sure_when_wrong=0.95))
    assert not underfitting.find(patient).found  # wrong labels, which it did not learn by heart


def test_labels_that_are_contradicted_with_confidence_are_named():
    patient = make_patient()
    give_answers(patient, training=answers(900, 0), validation=answers(100, 20))
    assert not label_noise.find(patient).found  # it errs, but is not sure
    give_answers(patient, validation=answers(100, 10, sure_when_wrong=0.95))
    check = label_noise.find(patient)
    assert check.found
    assert check.figures["contradicted"] == 10
    assert check.where[0] == "validation/0.png: labelled red, looks like green (95%); validation"


def test_a_network_that_guesses_says_nothing_about_labels():
    patient = make_patient()
    give_answers(patient, training=answers(900, 800, sure_when_wrong=0.9), validation=answers(100, 90))
    with pytest.raises(Unmeasured, match="right on 10.0% of the validation images"):
        label_noise.find(patient)
    assert underfitting.find(patient).found


def test_what_cannot_be_measured_is_skipped_with_the_reason():
    found = diagnose(make_patient((1.0, 0.9)))
    assert [check.symptom for check in found.checks] == ["rate-too-high"]
    assert set(found.skipped) == {symptom.NAME for symptom in SYMPTOMS} - {"rate-too-high"}
    assert found.skipped["dead-relus"] == "The run has no model.keras."
    assert "nothing was found" in str(found)
    assert found.to_dict()["found"] == []
