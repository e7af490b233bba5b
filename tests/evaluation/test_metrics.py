"""Metrics against numbers worked out by hand, against scikit-learn, and at their edges."""

import json
from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from residual.errors import DataError
from residual.evaluation.metrics import calibration_error, score, wilson_interval
from residual.trust.temperature import LEAST_PROBABILITY

# Top probabilities 0.95 (hit), 0.95 (miss), 0.65 (hit), 0.55 (hit).
FOUR = np.array([[0.95, 0.05], [0.95, 0.05], [0.35, 0.65], [0.55, 0.45]])
FOUR_LABELS = np.array([0, 1, 1, 0])


def random_predictions(n: int, k: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(k), rng.integers(0, k, n - k)])
    logits = rng.normal(size=(n, k))
    logits[np.arange(n), labels] += 1.5
    exponentials = np.exp(logits)
    return exponentials / exponentials.sum(axis=1, keepdims=True), labels


@pytest.mark.parametrize(
    ("correct", "n", "low", "high"),
    [(117, 120, 0.92907, 0.99146), (0, 10, 0.0, 0.27753), (10, 10, 0.72247, 1.0), (1, 3, 0.06149, 0.79234)],
)
def test_wilson_known_values(correct, n, low, high):
    assert wilson_interval(correct, n) == pytest.approx((low, high), abs=5e-6)


def test_wilson_ends_are_exact_when_all_or_none_are_right():
    assert wilson_interval(0, 10)[0] == 0.0
    assert wilson_interval(10, 10)[1] == 1.0


@given(
    st.integers(1, 10**7).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    st.floats(1e-6, 1 - 2**-53),
)
def test_wilson_contains_the_share_and_stays_in_range(counts, level):
    correct, n = counts
    low, high = wilson_interval(correct, n, level)
    assert 0 <= low <= correct / n <= high <= 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 0), "n must be at least 1; got 0"),
        ((4, 3), "correct must be between 0 and n = 3; got 4"),
        ((-1, 3), "correct must be between 0 and n = 3; got -1"),
        ((1, 3, 1.0), "level must lie strictly between 0 and 1, such as 0.95; got 1.0"),
    ],
)
def test_wilson_errors(arguments, message):
    with pytest.raises(DataError) as caught:
        wilson_interval(*arguments)
    assert str(caught.value) == message


@pytest.mark.parametrize("bins", [10, 15])
def test_calibration_error_by_hand(bins):
    # Both 0.95s share a bin: |0.95 - 1/2| * 2/4; then |0.65 - 1| / 4 and |0.55 - 1| / 4.
    assert calibration_error(FOUR, FOUR_LABELS, bins) == pytest.approx(0.225 + 0.0875 + 0.1125)


def test_calibration_bins_are_closed_on_the_right():
    # 0.5, a miss, belongs to (0, 0.5] and not with 0.75, a hit: (0.5 + 0.25) / 2.
    assert calibration_error([[0.5, 0.5], [0.75, 0.25]], [1, 0], bins=2) == pytest.approx(0.375)


def test_calibration_of_certainty():
    assert calibration_error(np.eye(3), [0, 1, 2]) == 0.0
    assert calibration_error(np.eye(3), [1, 2, 0]) == 1.0


def test_calibration_needs_a_bin():
    with pytest.raises(DataError, match="bins must be at least 1; got 0"):
        calibration_error(FOUR, FOUR_LABELS, bins=0)


def test_scores_by_hand():
    scores = score(FOUR, FOUR_LABELS, ["cat", "dog"])
    assert (scores.n, scores.correct, scores.accuracy) == (4, 3, 0.75)
    assert scores.interval == wilson_interval(3, 4)
    assert scores.nll == pytest.approx(-(log(0.95) + log(0.05) + log(0.65) + log(0.55)) / 4)
    assert scores.calibration_error == pytest.approx(0.425)
    assert scores.confusion.tolist() == [[2, 0], [1, 1]]  # the miss is a dog taken for a cat
    assert scores.balanced_accuracy == pytest.approx((1 + 1 / 2) / 2)
    cat, dog = scores.per_class
    assert (cat.name, cat.precision, cat.recall, cat.f1, cat.support) == ("cat", 2 / 3, 1.0, 0.8, 2)
    assert (dog.name, dog.precision, dog.recall, dog.f1, dog.support) == ("dog", 1.0, 0.5, 2 / 3, 2)


def test_scores_agree_with_scikit_learn():
    from sklearn import metrics

    probabilities, labels = random_predictions(500, 7)
    scores = score(probabilities, labels, list("abcdefg"))
    predicted = probabilities.argmax(axis=1)
    expected = metrics.precision_recall_fscore_support(labels, predicted)
    rows = [(row.precision, row.recall, row.f1, row.support) for row in scores.per_class]
    np.testing.assert_allclose(rows, np.transpose(expected))
    np.testing.assert_array_equal(scores.confusion, metrics.confusion_matrix(labels, predicted))
    assert scores.accuracy == metrics.accuracy_score(labels, predicted)
    assert scores.balanced_accuracy == pytest.approx(metrics.balanced_accuracy_score(labels, predicted))
    assert scores.nll == pytest.approx(metrics.log_loss(labels, probabilities))


def test_undefined_ratios_are_none():
    # No image is a c, and none is taken for a b or a c.
    a, b, c = score([[1.0, 0, 0], [0.6, 0.4, 0]], [0, 1], ["a", "b", "c"]).per_class
    assert (a.precision, a.recall, a.f1) == (0.5, 1.0, 2 / 3)
    assert (b.precision, b.recall, b.f1) == (None, 0.0, 0.0)
    assert (c.precision, c.recall, c.f1, c.support) == (None, None, None, 0)


def test_balanced_accuracy_leaves_out_classes_without_images():
    assert score([[1.0, 0, 0], [0.6, 0.4, 0]], [0, 1], ["a", "b", "c"]).balanced_accuracy == 0.5


def test_a_certain_mistake_costs_the_log_of_the_smallest_probability():
    assert score([[1.0, 0.0]], [1], ["a", "b"]).nll == pytest.approx(-log(1e-7))
    assert score([[1.0, 0.0]], [0], ["a", "b"]).nll == 0.0


def test_smallest_probability_is_that_of_keras():
    keras = pytest.importorskip("keras")
    assert keras.config.epsilon() == LEAST_PROBABILITY


def test_the_first_class_wins_a_tie():
    assert score([[0.4, 0.4, 0.2]], [0], ["a", "b", "c"]).correct == 1


def test_low_precision_is_welcome():
    dtypes = pytest.importorskip("ml_dtypes")
    probabilities, labels = random_predictions(200, 50)
    exact = score(probabilities, labels, [str(k) for k in range(50)])
    rough = score(probabilities.astype(dtypes.bfloat16), labels.astype(np.uint8), exact.classes)
    assert rough.nll == pytest.approx(exact.nll, rel=0.01)


def test_to_dict_survives_json():
    probabilities = [[1.0, 0, 0], [0.6, 0.4, 0]]
    values = score(np.float32(probabilities), [0, 1], ("a", "b", "ç")).to_dict()
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert values["confusion"] == [[1, 0, 0], [1, 0, 0], [0, 0, 0]]
    assert values["per_class"][2] == {
        "name": "ç",
        "precision": None,
        "recall": None,
        "f1": None,
        "support": 0,
    }


def test_confusion_is_read_only():
    with pytest.raises(ValueError, match="read-only"):
        score(FOUR, FOUR_LABELS, ["cat", "dog"]).confusion[0, 0] = 9


@pytest.mark.parametrize(
    ("probabilities", "labels", "classes", "message"),
    [
        (
            [0.5, 0.5],
            [0, 1],
            "ab",
            "classes must be a sequence of names, such as ['cat', 'dog']; got the string",
        ),
        ([0.5, 0.5], [0, 1], ["a", "b"], "probabilities must have shape (images, classes); got (2,)"),
        ([[0.5, 0.5], [1.0]], [0, 1], ["a", "b"], "probabilities must be one regular array"),
        ([["x", "y"]], [0], ["a", "b"], "probabilities must be numbers; got an array of <U1"),
        (np.empty((0, 2)), [], ["a", "b"], "probabilities has no rows (n = 0)"),
        (np.empty((3, 0)), [0, 0, 0], [], "probabilities must have shape (images, classes); got (3, 0)"),
        ([[0.5, 0.5]], [0], ["a"], "classes must name the 2 columns of probabilities; got 1 names"),
        ([[0.5, 0.5]], [[0]], ["a", "b"], "labels must have shape (1,), one class number per row"),
        ([[0.5, 0.5]], [0, 1], ["a", "b"], "labels must have shape (1,)"),
        ([[0.5, 0.5]], [0.0], ["a", "b"], "labels must be whole numbers; got an array of float64"),
        ([[0.5, 0.5]] * 2, [1, 2], ["a", "b"], "labels must lie between 0 and 1; got 2 at position 1"),
        ([[0.5, 0.5]] * 2, [-1, 0], ["a", "b"], "labels must lie between 0 and 1; got -1 at position 0"),
        (
            [[0.5, 0.5], [float("nan"), 1]],
            [0, 0],
            ["a", "b"],
            "probabilities must be finite; 1 of 2 rows hold NaN or infinity, the first is row 1",
        ),
        (
            [[0.5, 0.5], [-3.0, 4.0]],
            [0, 0],
            ["a", "b"],
            "1 of 2 rows do not, the first is row 1 (smallest -3, sum 1). Apply a softmax if these",
        ),
        ([[0.9, 0.9]], [0], ["a", "b"], "sum to 1 in each row; 1 of 1 rows do not, the first is row 0"),
    ],
)
def test_score_errors_name_the_argument(probabilities, labels, classes, message):
    with pytest.raises(DataError) as caught:
        score(probabilities, labels, classes)
    assert message in str(caught.value)
