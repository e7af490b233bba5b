"""Hashes of whole sets: what they depend on, and those of version 0.1 by hand."""

import hashlib

import numpy as np

from residual.data.fingerprints import compute_data_hash, compute_fingerprint
from residual.data.images import Dataset, Images

X = np.random.default_rng(0).integers(0, 256, (6, 4, 5, 3), dtype=np.uint8)
Y = np.arange(6) % 2
IMAGES = Images(X, Y)


def make_data(**changes) -> Dataset:
    parts = {"train": IMAGES.take([0, 1]), "test": IMAGES.take([4, 5]), "validation": IMAGES.take([2, 3])}
    return Dataset(name="d", classes=("a", "b"), source="", **{**parts, **changes})


def test_pixels_labels_and_order_count():
    whole = compute_fingerprint(IMAGES)
    assert len(whole) == 16
    assert whole == compute_fingerprint(Images(X.copy(), Y.copy()))
    other = X.copy()
    other[5, 3, 4, 2] ^= 1
    for changed in (Images(other, Y), Images(X, 1 - Y), IMAGES.take([1, 0, 2, 3, 4, 5])):
        assert compute_fingerprint(changed) != whole


def test_splits_and_class_names_count():
    whole = compute_data_hash(make_data())
    assert len(whole) == 64
    assert whole == compute_data_hash(make_data())
    swapped = make_data(train=IMAGES.take([4, 5]), test=IMAGES.take([0, 1]))
    for changed in (swapped, make_data(validation=IMAGES.take([3, 2]))):
        assert compute_data_hash(changed) != whole
    renamed = Dataset("d", IMAGES.take([0, 1]), IMAGES.take([4, 5]), ("a", "c"), "", IMAGES.take([2, 3]))
    assert compute_data_hash(renamed) != whole


def by_hand(rows) -> str:
    return hashlib.sha256(X[rows].tobytes() + Y[rows].astype(np.int64).tobytes()).hexdigest()[:16]


def test_hashes_of_version_1():
    assert compute_fingerprint(IMAGES, style="") == by_hand(slice(None))
    text = "|".join([by_hand([0, 1]), by_hand([2, 3]), by_hand([4, 5]), "a", "b"])
    assert compute_data_hash(make_data(), style="") == hashlib.sha256(text.encode()).hexdigest()
