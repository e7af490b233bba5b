"""Cutout, mixup and CutMix: squares, shares and boxes worked out by hand; labels follow the pixels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from residual.augment import CutMix, Cutout, Mixup
from tests.drawn import Drawn, pictures

MIXING = [Mixup(0.4), CutMix(1.0)]
seeds = st.integers(0, 2**32)


def numbered(n: int, height: int = 5, width: int = 7) -> tuple[np.ndarray, np.ndarray]:
    """Image i is all 10 i; its label is class i."""
    x = np.repeat(np.arange(n, dtype=np.uint8) * 10, height * width * 3).reshape(n, height, width, 3)
    return x, np.eye(n, dtype=np.float32)


def test_cutout_by_hand():
    x = np.full((3, 4, 4, 3), 7, np.uint8)
    out = Cutout(2)(x, Drawn([2, 0, 3], [1, 0, 3]))  # rows, columns of the middles
    covered = (out == 128).all(-1)
    assert covered[0].astype(int).tolist() == [[0, 0, 0, 0], [1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]]
    assert np.argwhere(covered[1]).tolist() == [[0, 0]]  # what lies outside is lost
    assert np.argwhere(covered[2]).tolist() == [[2, 2], [2, 3], [3, 2], [3, 3]]
    assert (out[~covered] == 7).all()
    odd = Cutout(3)(x[:1], Drawn([1], [2]))
    assert np.argwhere((odd[0] == 128).all(-1)).tolist() == [[r, c] for r in range(3) for c in range(1, 4)]


def test_cutout_of_floats_covers_with_zero():
    assert (Cutout(9)(np.ones((1, 3, 3, 3), np.float32), np.random.default_rng(0)) == 0).all()


def test_cutout_has_its_middle_anywhere():
    out = Cutout(1)(np.zeros((400, 3, 4, 1), np.uint8), np.random.default_rng(0))
    _, row, column, _ = np.nonzero(out)
    assert len(row) == 400
    assert len(set(zip(row.tolist(), column.tolist(), strict=True))) == 12


def test_mixup_by_hand():
    x = np.array([[100, 0], [201, 255], [0, 7]], np.uint8).reshape(3, 1, 2, 1)
    out, labels = Mixup(1).mix(x, np.eye(3, dtype=np.float32), Drawn(0.75, [1, 2, 0]))
    assert out.reshape(3, 2).tolist() == [
        [125, 64],
        [151, 193],
        [25, 5],
    ]  # 125.25, 63.75; 150.75, 193; 25, 5.25
    assert labels.tolist() == [[0.75, 0.25, 0], [0, 0.75, 0.25], [0.25, 0, 0.75]]


@pytest.mark.parametrize("kept", [0, 1, 127, 128, 255, 256])
def test_mixup_of_all_pairs_of_bytes_rounds(kept):
    one, other = np.meshgrid(np.arange(256), np.arange(256))
    x = np.stack([one, other])[..., None].astype(np.uint8)
    out, _ = Mixup(1).mix(x, np.eye(2, dtype=np.float32), Drawn(kept / 256, [1, 0]))
    exact = (one * kept + other * (256 - kept)) / 256
    np.testing.assert_array_equal(out[0, ..., 0], np.floor(exact + 0.5))


@given(seeds, st.floats(0, 100))
@settings(max_examples=40, deadline=None)
def test_mixup_gives_labels_the_share_of_the_pixels(seed, alpha):
    x, y = numbered(6)
    out, labels = Mixup(alpha).mix(x.astype(np.float32), y, np.random.default_rng(seed))
    assert out.dtype == labels.dtype == np.float32
    np.testing.assert_array_equal(labels.sum(1), 1)
    np.testing.assert_allclose(out[:, 0, 0, 0], labels @ (np.arange(6) * 10), rtol=1e-6, atol=1e-6)
    whole, same = Mixup(alpha).mix(x, y, np.random.default_rng(seed))
    np.testing.assert_array_equal(labels, same)
    assert np.abs(whole - out).max() <= 0.5


@pytest.mark.parametrize("alpha", [0.2, 1.0, 5.0])
def test_mixup_draws_its_share_from_beta(alpha):
    rng, shares = np.random.default_rng(0), []
    x, y = np.zeros((2, 1, 1, 1), np.uint8), np.array([[1, 0], [0, 1]], np.float32)
    while len(shares) < 1000:
        labels = Mixup(alpha).mix(x, y, rng)[1]
        shares.append(labels[0, 0])  # 1 where the images were paired with themselves: half of the draws
    shares = [share for share in shares if share < 1]
    deviation = np.sqrt(1 / (4 * (2 * alpha + 1)))
    assert np.mean(shares) == pytest.approx(0.5, abs=4 * deviation / np.sqrt(len(shares)) + 0.02)
    assert np.std(shares) == pytest.approx(deviation, rel=0.12)


def test_cutmix_by_hand():
    x, y = numbered(2, 4, 8)
    out, labels = CutMix(1).mix(x, y, Drawn(0.75, [1, 0], 2, 4))  # a box of half of each side about (2, 4)
    assert (out[0, 1:3, 2:6] == 10).all()
    assert (out[0] == 10).sum() == 2 * 4 * 3
    assert (out[1, 1:3, 2:6] == 0).all()
    assert labels.tolist() == [[0.75, 0.25], [0.25, 0.75]]
    out, labels = CutMix(1).mix(
        x, y, Drawn(0.75, [1, 0], 0, 7)
    )  # a corner: one row and three columns are inside
    assert np.argwhere(out[0, ..., 0] == 10).tolist() == [[0, 5], [0, 6], [0, 7]]
    assert labels[0].tolist() == [1 - 3 / 32, 3 / 32]
    assert (CutMix(1).mix(x, y, Drawn(0.0, [1, 0], 2, 4))[0][0] == 10).all()  # nothing kept


@given(seeds, st.floats(0, 10), st.integers(1, 6), st.integers(1, 9), st.integers(1, 9))
@settings(max_examples=80, deadline=None)
def test_cutmix_gives_labels_the_area_of_each_image(seed, alpha, n, height, width):
    x, y = numbered(n, height, width)
    out, labels = CutMix(alpha).mix(x, y, np.random.default_rng(seed))
    areas = (out[..., None] == np.arange(n) * 10).mean((1, 2, 3))
    np.testing.assert_allclose(labels, areas, atol=1e-6)


@pytest.mark.parametrize("mixing", MIXING, ids=lambda m: m.kind)
@pytest.mark.parametrize("shape", [(5, 6, 7, 3), (1, 1, 1, 3), (2, 1, 5, 1)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_shape_type_input_and_determinism(mixing, shape, dtype):
    x, y = pictures(*shape).astype(dtype), np.eye(shape[0], dtype=np.float32)
    kept, kept_labels = x.copy(), y.copy()
    out, labels = mixing.mix(x, y, np.random.default_rng(1))
    assert (out.dtype, out.shape) == (dtype, x.shape)
    assert (labels.dtype, labels.shape) == (np.float32, y.shape)
    np.testing.assert_array_equal(x, kept)  # the training images themselves stay as they are
    np.testing.assert_array_equal(y, kept_labels)
    again, again_labels = mixing.mix(x, y, np.random.default_rng(1))
    np.testing.assert_array_equal(out, again)
    np.testing.assert_array_equal(labels, again_labels)


@pytest.mark.parametrize("nothing", [Mixup(0), CutMix(0)], ids=lambda m: m.kind)
def test_alpha_zero_changes_nothing(nothing):
    x, y = pictures(), np.eye(5, dtype=np.float32)
    out, labels = nothing.mix(x, y, np.random.default_rng(0))
    np.testing.assert_array_equal(out, x)
    np.testing.assert_array_equal(labels, y)
