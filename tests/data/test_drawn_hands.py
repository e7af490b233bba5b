"""The drawn hands: the same every time, balanced, readable, and too hard for a linear classifier."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from residual.data.drawn_hands.hands import (
    _choose_camera,
    _choose_light,
    _choose_skin,
    _paint,
    render_hand,
    render_signs,
)
from residual.data.drawn_hands.pose import SIGNS, choose_raised, pose_hand
from residual.errors import DataError


@pytest.fixture(scope="module")
def signs():
    return render_signs()


def test_shapes_types_and_balance(signs):
    x_train, y_train, x_test, y_test = signs
    assert (x_train.shape, x_train.dtype) == ((1080, 64, 64, 3), np.uint8)
    assert (x_test.shape, x_test.dtype) == ((120, 64, 64, 3), np.uint8)
    assert y_train.dtype == y_test.dtype == np.int64
    assert np.bincount(y_train).tolist() == [180] * 6
    assert np.bincount(y_test).tolist() == [20] * 6


def test_labels_are_shuffled(signs):
    _, y_train, _, y_test = signs
    for labels in (y_train, y_test):
        assert 0.05 < np.mean(labels[1:] == labels[:-1]) < 0.3  # one in six by chance
        assert labels[:12].tolist() != (np.arange(12) % 6).tolist()


def test_uneven_counts_differ_by_one():
    _, y_train, _, y_test = render_signs(8, 0, size=16)
    assert sorted(np.bincount(y_train, minlength=6).tolist()) == [1, 1, 1, 1, 2, 2]
    assert y_test.shape == (0,)


def test_same_seed_same_bytes():
    first, second = render_signs(12, 12), render_signs(12, 12)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(first, second, strict=True))
    assert not np.array_equal(first[0], render_signs(12, 0, seed=1)[0])


def test_training_count_leaves_test_pictures_alone(signs):
    _, _, x_test, y_test = render_signs(train=5)
    assert np.array_equal(x_test, signs[2])
    assert np.array_equal(y_test, signs[3])


def test_no_picture_occurs_twice(signs):
    pictures = np.concatenate([signs[0], signs[2]])
    assert len({picture.tobytes() for picture in pictures}) == 1200


@pytest.mark.parametrize("size", [16, 33, 96])
def test_other_sizes(size):
    picture = render_hand(3, np.random.default_rng(0), size)
    assert (picture.shape, picture.dtype) == ((size, size, 3), np.uint8)
    assert picture.std() > 5


@pytest.mark.parametrize("fingers", range(6))
def test_every_variant_raises_as_many_fingers_as_its_sign(fingers):
    shares = [share for share, _ in SIGNS[fingers]]
    assert sum(shares) == pytest.approx(1)
    assert all(len(set(raised)) == fingers and set(raised) <= set(range(5)) for _, raised in SIGNS[fingers])
    assert len(choose_raised(fingers, np.random.default_rng(0))) == fingers


@pytest.mark.parametrize("fingers", range(6))
def test_fingertips_stay_in_the_picture(fingers):
    rng = np.random.default_rng(fingers)
    for _ in range(50):
        hand = pose_hand(fingers, rng)
        seen = _choose_camera(hand, 100, rng).project(hand.outline())
        assert seen.min() >= 0
        assert seen.max() <= 100


def _outline_length(fingers: int, rng: np.random.Generator) -> float:
    """Length of the hand's silhouette, forearm included, over the square root of its area."""
    hand = pose_hand(fingers, rng)
    skin, light = _choose_skin(hand.palm_side, rng), _choose_light(rng)
    cover = _paint(hand, skin, light, 64, rng)[..., 3]
    return np.hypot(*np.gradient(cover)).sum() / np.sqrt(cover.sum())


def test_each_raised_finger_lengthens_the_silhouette():
    """The six signs differ in shape, in order; a finger hidden or out of the picture would not count."""
    rng = np.random.default_rng(0)
    lengths = [np.mean([_outline_length(fingers, rng) for _ in range(24)]) for fingers in range(6)]
    assert (np.diff(lengths) > 0.1).all(), lengths


def linear_score(x_train, y_train, x_test, y_test) -> float:
    """Test accuracy of logistic regression on the pixels.

    The fit runs in the span of the training pictures (1,080 numbers a picture, not 12,288): a rotation, which
    changes neither the optimum nor, up to rounding, the solver's path; only its time.
    """
    train, test = (x.reshape(len(x), -1) / 255.0 for x in (x_train, x_test))
    # One thread: on a busy machine two wait for each other longer than they work.
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore", ConvergenceWarning)  # 300 steps are the definition of the score
        values, vectors = np.linalg.eigh(train @ train.T)
        root = np.sqrt(values.clip(1e-9))
        model = LogisticRegression(max_iter=300).fit(vectors * root, y_train)
        return model.score(test @ train.T @ vectors / root, y_test)


def test_a_linear_classifier_stays_below_70_percent(signs):
    assert 0.17 < linear_score(*signs) < 0.70


@pytest.mark.parametrize("fingers", [-1, 6, 2.5])
def test_impossible_fingers(fingers):
    with pytest.raises(DataError, match=rf"fingers must be 0, 1, 2, 3, 4 or 5; received {fingers}\."):
        render_hand(fingers, np.random.default_rng(0))


@pytest.mark.parametrize("name", ["train", "test", "seed"])
def test_negative_arguments(name):
    with pytest.raises(DataError, match=rf"{name} must be 0 or more; received -1\."):
        render_signs(**{name: -1})


def test_too_small_a_picture():
    with pytest.raises(DataError, match=r"size must be 16 or more pixels; received 15\."):
        render_signs(size=15)
