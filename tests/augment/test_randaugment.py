"""RandAugment: each operation against Pillow's, to the bit, and how they are drawn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageOps

from residual.augment import RandAugment, operations
from residual.errors import DataError
from tests.drawn import Drawn, pictures

GREY = (128, 128, 128)


def moved(image: Image.Image, *matrix: float) -> Image.Image:
    return image.transform(image.size, Image.Transform.AFFINE, matrix, fillcolor=GREY)


PILLOW = {
    "identity": lambda image, amount: image,
    "autocontrast": lambda image, amount: ImageOps.autocontrast(image),
    "equalize": lambda image, amount: ImageOps.equalize(image),
    "rotate": lambda image, amount: image.rotate(30 * amount, fillcolor=GREY),
    "solarize": lambda image, amount: ImageOps.solarize(image, 256 * (1 - abs(amount))),
    "color": lambda image, amount: ImageEnhance.Color(image).enhance(1 + 0.9 * amount),
    "posterize": lambda image, amount: ImageOps.posterize(image, 8 - round(4 * abs(amount))),
    "contrast": lambda image, amount: ImageEnhance.Contrast(image).enhance(1 + 0.9 * amount),
    "brightness": lambda image, amount: ImageEnhance.Brightness(image).enhance(1 + 0.9 * amount),
    "sharpness": lambda image, amount: ImageEnhance.Sharpness(image).enhance(1 + 0.9 * amount),
    "shear_x": lambda image, amount: moved(image, 1, 0.3 * amount, 0, 0, 1, 0),
    "shear_y": lambda image, amount: moved(image, 1, 0, 0, 0.3 * amount, 1, 0),
    "translate_x": lambda image, amount: moved(image, 1, 0, 150 / 331 * image.width * amount, 0, 1, 0),
    "translate_y": lambda image, amount: moved(image, 1, 0, 0, 0, 1, 150 / 331 * image.height * amount),
}
NAMES = [operation.__name__ for operation in operations.OPERATIONS]


def test_the_papers_fourteen():
    assert list(PILLOW) == NAMES


@pytest.mark.parametrize("name", NAMES)
@given(
    seed=st.integers(0, 2**32),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    values=st.tuples(st.integers(0, 255), st.integers(0, 255)),
    amounts=st.tuples(*[st.integers(-100, 100)] * 2),
)
@settings(max_examples=40, deadline=None)
def test_each_image_as_pillow_has_it(name, seed, size, values, amounts):
    low, high = sorted(values)
    x = np.random.default_rng(seed).integers(low, high + 1, (2, *size, 3), dtype=np.uint8)
    kept = x.copy()
    amount = np.array(amounts) / 100
    out = getattr(operations, name)(x, amount)
    np.testing.assert_array_equal(x, kept)
    for image, by, changed in zip(x, amount.tolist(), out, strict=True):
        np.testing.assert_array_equal(changed, PILLOW[name](Image.fromarray(image), by))


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("autocontrast", "equalize")])
def test_no_amount_changes_nothing(name):
    x = pictures(3, 9, 8)
    np.testing.assert_array_equal(getattr(operations, name)(x, np.zeros(3)), x)


def test_directions():
    x = np.zeros((2, 5, 10, 3), np.uint8)
    x[:, 0, 5] = 200
    moved = operations.translate_x(x, np.array([0.5, -0.5]))  # 2.27 pixels, read to the right or to the left
    assert np.argwhere(moved[..., 0] == 200).tolist() == [[0, 0, 3], [1, 0, 7]]
    assert (moved[0, :, 8:] == 128).all()
    x = np.zeros((1, 9, 9, 3), np.uint8)
    x[0, 4, 8] = 200  # on the right
    assert np.argwhere(operations.rotate(x, np.ones(1))[0, ..., 0] == 200)[0, 0] < 4  # turned upwards


def test_operations_apply_in_turn_each_image_its_own():
    x = pictures(3, 8, 8)
    at = NAMES.index
    first, second = (
        [at("solarize"), at("identity"), at("rotate")],
        [at("rotate"), at("color"), at("identity")],
    )
    out = RandAugment(2, 5)(x, Drawn(first, [1, 1, -1], second, [-1, 1, 1]))
    half = np.array([0.5])
    np.testing.assert_array_equal(out[:1], operations.rotate(operations.solarize(x[:1], half), -half))
    np.testing.assert_array_equal(out[1:2], operations.color(x[1:2], half))
    np.testing.assert_array_equal(out[2:], operations.rotate(x[2:], -half))


def test_every_operation_is_drawn_in_both_directions():
    x = np.repeat(pictures(1, 12, 12), 1400, 0)
    out = RandAugment(1, 10)(x, np.random.default_rng(0))
    for name in NAMES:
        for sign in (-1, 1):
            expected = getattr(operations, name)(x[:1], np.array([float(sign)]))
            share = (out == expected).all((1, 2, 3)).mean()
            assert share > 0.5 / 28, (name, sign)  # of 1 / 28, or more where two come to the same


def test_type_input_determinism_and_none():
    x = pictures(6, 9, 7)
    kept = x.copy()
    out = RandAugment(3, 10)(x, np.random.default_rng(1))
    assert (out.dtype, out.shape, out.flags.c_contiguous) == (np.uint8, x.shape, True)
    np.testing.assert_array_equal(x, kept)
    np.testing.assert_array_equal(out, RandAugment(3, 10)(x, np.random.default_rng(1)))
    np.testing.assert_array_equal(RandAugment(0, 10)(x, np.random.default_rng(1)), x)


def test_each_image_is_treated_alone():
    x, other = pictures(4, 8, 8), pictures(4, 8, 8, seed=1)
    mixed = np.concatenate([x[:2], other[2:]])
    out = RandAugment(2, 9)(mixed, np.random.default_rng(5))
    np.testing.assert_array_equal(out[:2], RandAugment(2, 9)(x, np.random.default_rng(5))[:2])


@pytest.mark.parametrize(
    ("x", "came"),
    [
        (np.zeros((2, 4, 4, 3), np.float32), r"float32 \(2, 4, 4, 3\)"),
        (np.zeros((2, 4, 4, 1), np.uint8), r"uint8 \(2, 4, 4, 1\)"),
    ],
)
def test_other_images_are_refused(x, came):
    with pytest.raises(DataError, match=rf"randaugment: needs uint8 images \(n, h, w, 3\); got {came}"):
        RandAugment()(x, np.random.default_rng(0))
