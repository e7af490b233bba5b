"""Which epoch's weights are kept: the three rules, their words, and what a checkpoint holds of them."""

import numpy as np
import pytest

from residual.runs.checkpoints import State
from residual.training.callbacks.best_weights import BestWeights, standard_error


class Network:
    """Weights that are the number of the epoch."""

    def __init__(self):
        self.weights = [np.zeros(1)]

    def get_weights(self):
        return [weight.copy() for weight in self.weights]

    def set_weights(self, weights):
        self.weights = weights


def train(best: BestWeights, accuracies, losses=None, first=0) -> Network:
    model = Network()
    best.set_model(model)
    for epoch, accuracy in enumerate(accuracies, first):
        model.weights = [np.full(1, epoch + 1)]
        loss = losses[epoch] if losses else 1.0
        best.on_epoch_end(epoch, {"val_accuracy": accuracy, "val_loss": loss})
    best.restore(model)
    return model


@pytest.mark.parametrize(
    ("keep", "accuracies", "expected"),
    [
        ("best", (0.5, 0.9, 0.7), 2),
        ("best", (0.5, 0.9, 0.9), 3),
        ("last", (0.5, 0.9, 0.7), 3),
        ("auto", (0.5, 0.9, 0.8), 2),  # of 200 images 0.1 is more than chance
        ("auto", (0.5, 0.9, 0.89), 3),
        ("auto", (0.5, 0.9, 0.89, 0.6, 0.7), 3),
        ("auto", (0.9, 0.88, 0.86, 0.84, 0.82, 0.8), 4),  # against the best, not against the one before
    ],
)
def test_the_epoch_that_is_kept(keep, accuracies, expected):
    best = BestWeights(keep, 200)
    assert train(best, accuracies).weights == [expected]
    assert (best.epoch, best.seen) == (expected, len(accuracies))


def test_of_few_images_more_is_chance():
    accuracies = (15 / 24, 17 / 24, 16 / 24, 15 / 24)
    for images, kept in ((24, 4), (2_400, 2)):
        best = BestWeights("auto", images)
        train(best, accuracies)
        assert best.epoch == kept


def test_equal_accuracies_are_decided_by_the_loss():
    best = BestWeights("best", 10)
    train(best, (0.5, 0.5, 0.5), (2.0, 1.0, 1.5))
    assert best.epoch == 2


@pytest.mark.parametrize(
    ("keep", "images", "accuracies", "says"),
    [
        ("auto", 24, (0.5, 0.6), "epoch 2 of 2: none was better by more than chance (24 validation images)"),
        (
            "auto",
            2_000,
            (0.9, 0.5),
            "epoch 1 of 2: all after it were worse by more than chance (2,000 validation images)",
        ),
        ("best", 1, (1.0, 0.0), "epoch 1 of 2: the highest accuracy of 1 validation image"),
        ("last", 24, (0.5, 0.2), "epoch 2 of 2: the recipe keeps the last"),
    ],
)
def test_it_says_which_and_why(keep, images, accuracies, says):
    best = BestWeights(keep, images)
    assert best.describe() == ""
    train(best, accuracies)
    assert best.describe() == says


@pytest.mark.parametrize("keep", ["auto", "best", "last"])
def test_a_checkpoint_holds_what_the_rest_depends_on(keep):
    accuracies = (0.5, 0.9, 0.88, 0.7, 0.89, 0.6)
    whole, before, after = (BestWeights(keep, 100) for _ in range(3))
    expected = train(whole, accuracies).weights
    train(before, accuracies[:4])
    after.resume(State(40, before.arrays(), {"epoch": 4, "best": before.facts()}))
    assert (after.epoch, after.seen, after.describe()) == (before.epoch, 4, before.describe())
    assert train(after, accuracies[4:], first=4).weights == expected
    assert (after.epoch, after.score) == (whole.epoch, whole.score)


def test_before_the_first_epoch_there_is_nothing_to_hold():
    best = BestWeights("auto", 24)
    best.resume(State(3, {}, {"epoch": 0, "best": {}}))
    assert (best.facts(), best.arrays(), best.describe()) == ({}, {}, "")


@pytest.mark.parametrize(("accuracy", "images"), [(0.0, 24), (1.0, 24), (0.5, 24), (0.9, 5_000)])
def test_the_standard_error_shrinks_with_the_images_and_is_never_0(accuracy, images):
    assert 0 < standard_error(accuracy, 4 * images) < standard_error(accuracy, images) < 0.12
    large = (accuracy * (1 - accuracy) / 1e6) ** 0.5
    assert standard_error(accuracy, 10**6) == pytest.approx(large, abs=2e-6)
