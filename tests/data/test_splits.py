"""Stratified splits: exact counts, and what holds for any labels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from residual.data.images import Images
from residual.data.splits import hold_out, join_groups, stratified_split
from residual.errors import DataError

SOME_LABELS = st.lists(st.integers(0, 5), min_size=2, max_size=120).filter(lambda y: len(set(y)) < len(y))


def test_exact_counts():
    labels = np.repeat([0, 1, 2, 3], [10, 20, 1, 2])
    larger, smaller = stratified_split(labels, 0.2, seed=0)
    assert np.bincount(labels[smaller], minlength=4).tolist() == [2, 4, 0, 1]
    assert np.bincount(labels[larger], minlength=4).tolist() == [8, 16, 1, 1]


@given(SOME_LABELS, st.floats(0.01, 0.99), st.integers(0, 2**32))
def test_parts_are_disjoint_whole_sorted_and_stratified(labels, fraction, seed):
    larger, smaller = stratified_split(np.array(labels), fraction, seed)
    assert sorted([*larger, *smaller]) == list(range(len(labels)))
    assert (np.diff(larger) > 0).all()
    assert (np.diff(smaller) > 0).all()
    for label in set(labels):
        members = labels.count(label)
        taken = sum(labels[i] == label for i in smaller)
        assert taken < members  # never empties a class
        assert taken == (0 if members == 1 else min(max(1, round(fraction * members)), members - 1))


@given(SOME_LABELS, st.integers(0, 2**32))
def test_same_seed_same_split(labels, seed):
    once, again = (stratified_split(np.array(labels), 0.3, seed) for _ in range(2))
    np.testing.assert_array_equal(once[1], again[1])


def test_seeds_differ_and_lists_are_taken():
    splits = {tuple(stratified_split([0, 1] * 20, 0.25, seed)[1]) for seed in range(5)}
    assert len(splits) == 5


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, float("nan")])
def test_share_out_of_range(fraction):
    with pytest.raises(DataError, match=f"must lie between 0 and 1; got {fraction}"):
        stratified_split(np.array([0, 0]), fraction, 0)


@pytest.mark.parametrize("labels", [[], [3], [0, 1, 2]])
def test_nothing_to_hold_out(labels):
    with pytest.raises(DataError, match=r"^No class has two images, so none can be set aside: add images\.$"):
        stratified_split(np.array(labels, np.int64), 0.5, 0)


def test_hold_out_takes_15_percent_and_names_the_place():
    images = Images(np.arange(40, dtype=np.uint8).reshape(40, 1, 1, 1), np.repeat([0, 1], 20))
    train, test = (images.take(part) for part in hold_out(images, "here"))
    assert (len(train), len(test)) == (34, 6)
    assert np.bincount(test.y).tolist() == [3, 3]
    assert not set(train.x.ravel()) & set(test.x.ravel())
    with pytest.raises(DataError, match=r"^here has no test images\. No class has two images"):
        hold_out(images.take([0, 30]), "here")


@given(SOME_LABELS, st.floats(0.01, 0.99), st.integers(0, 2**32))
def test_groups_of_one_change_nothing(labels, fraction, seed):
    plain = stratified_split(np.array(labels), fraction, seed)
    alone = stratified_split(np.array(labels), fraction, seed, groups=np.arange(len(labels))[::-1])
    for one, other in zip(plain, alone, strict=True):
        np.testing.assert_array_equal(one, other)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 12)), min_size=2, max_size=80),
    st.floats(0.05, 0.95),
    st.integers(0, 2**32),
)
def test_groups_stay_whole_and_no_class_is_emptied(rows, fraction, seed):
    labels, groups = np.array(rows).T
    try:
        larger, smaller = stratified_split(labels, fraction, seed, groups=groups)
    except DataError:
        return
    assert sorted([*larger, *smaller]) == list(range(len(labels)))
    assert not set(groups[larger]) & set(groups[smaller])
    assert set(labels[larger]) == set(labels)
    again = stratified_split(labels, fraction, seed, groups=groups)
    np.testing.assert_array_equal(again[1], smaller)


def test_groups_are_taken_as_far_as_they_fit():
    labels, groups = np.zeros(20, int), np.repeat(np.arange(10), 2)
    assert len(stratified_split(labels, 0.3, 0, groups)[1]) == 6  # three whole pairs
    assert len(stratified_split(labels, 0.25, 0, groups)[1]) == 4  # five do not fit, four do
    large = np.repeat([0, 1], [8, 12])
    assert len(stratified_split(labels, 0.1, 0, large)[1]) == 8  # neither fits: the smaller one


def test_one_group_cannot_be_parted():
    with pytest.raises(DataError, match=r"^No class has two images that may be parted, so none can be set"):
        stratified_split(np.array([0, 0, 1]), 0.5, 0, groups=np.array([4, 4, 1]))


def test_groups_join_along_chains():
    one, other = np.array([0, 0, 1, 1, 2, 3]), np.array([5, 6, 6, 7, 8, 8])
    assert join_groups(one, other).tolist() == [0, 0, 0, 0, 4, 4]
    assert join_groups(None, None) is None
    assert join_groups(other, None).tolist() == [0, 1, 1, 3, 4, 4]


def test_hold_out_keeps_twins_and_groups_together():
    x = np.arange(40, dtype=np.uint8).reshape(40, 1, 1, 1).repeat(3, axis=3)
    x[1::2] = x[::2]  # every second image repeats the one before
    images = Images(x, np.repeat([0, 1], 20))
    train, test = (images.take(part) for part in hold_out(images, "here"))
    assert (len(train), len(test)) == (36, 4)  # of three in a class, a pair
    assert not set(train.x.ravel()) & set(test.x.ravel())
    people = np.arange(40) // 4
    x = np.arange(40, dtype=np.uint8).reshape(40, 1, 1, 1).repeat(3, axis=3)
    images = Images(x, np.tile([0, 1], 20))
    train, test = (images.take(part) for part in hold_out(images, "here", people))
    assert not set(train.x[..., 0].ravel() // 4) & set(test.x[..., 0].ravel() // 4)
    assert len(test) == 4
