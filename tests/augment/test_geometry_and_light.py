"""Augmentations: identities, moves worked out by hand, tables, errors."""

import tomllib

import numpy as np
import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from residual.augment import (
    Affine,
    AlternatingFlip,
    CutMix,
    Cutout,
    Flip,
    Light,
    Mixup,
    RandAugment,
    ResizedCrop,
    Shift,
    apply_augmentations,
    from_table,
)
from residual.errors import RecipeError
from tests.drawn import Drawn, pictures

ALL = [
    Flip(),
    AlternatingFlip(),
    Shift(3),
    Shift(2, "zero"),
    Light(0.3, 0.3),
    Affine(20, 0.2, 0.1),
    ResizedCrop(),
    Cutout(3),
]


def moved(angle=0.5, scale=0.5, down=0.5, right=0.5) -> Drawn:
    """What Affine draws: shares of -most..most, in this order."""
    return Drawn([angle, scale, down, right])


@pytest.mark.parametrize(
    "same", [Shift(0), Shift(0, "zero"), Light(0, 0), Affine(), ResizedCrop((1, 1)), Cutout(0)]
)
def test_identity_settings_change_nothing(same):
    x = pictures()
    np.testing.assert_array_equal(same(x, np.random.default_rng(0)), x)


@pytest.mark.parametrize("augmentation", ALL, ids=lambda a: a.kind)
@pytest.mark.parametrize("shape", [(5, 6, 7, 3), (1, 1, 1, 3), (2, 1, 5, 1), (3, 5, 1, 4)])
def test_shape_type_input_and_determinism(augmentation, shape):
    x = pictures(*shape)
    kept = x.copy()
    out = augmentation(x, np.random.default_rng(1))
    assert out.dtype == np.uint8
    assert out.shape == x.shape
    assert out.flags.c_contiguous
    np.testing.assert_array_equal(x, kept)  # the training images themselves stay as they are
    np.testing.assert_array_equal(out, augmentation(x, np.random.default_rng(1)))


def test_flip_mirrors_left_and_right():
    x = pictures(2)
    out = Flip()(x, Drawn([0.4, 0.6]))
    np.testing.assert_array_equal(out[0], x[0, :, ::-1])
    np.testing.assert_array_equal(out[1], x[1])


def test_flip_mirrors_half():
    x = np.zeros((2000, 1, 2, 1), np.uint8)
    x[:, :, 0] = 1
    assert 900 < Flip()(x, np.random.default_rng(0))[:, 0, 1, 0].sum() < 1100


def test_alternating_flip_mirrors_each_image_in_every_other_epoch():
    x, y = pictures(200), np.ones((200, 1), np.float32)
    numbers = np.arange(1000, 1200)
    first, second, third = (
        apply_augmentations(x, y, [AlternatingFlip()], np.random.default_rng(epoch), numbers, epoch)[0]
        for epoch in range(3)
    )
    np.testing.assert_array_equal(second, first[:, :, ::-1])
    np.testing.assert_array_equal(third, first)
    mirrored = (first != x).any((1, 2, 3))
    assert 70 < mirrored.sum() < 130
    turned = apply_augmentations(x[::-1], y, [AlternatingFlip()], np.random.default_rng(9), numbers[::-1], 0)[
        0
    ]
    np.testing.assert_array_equal(turned[::-1], first)  # whatever the order of the images


def test_alternating_flip_is_a_flip_if_nobody_knows_the_images():
    x = pictures(50)
    draws = [np.random.default_rng(3) for _ in range(2)]
    np.testing.assert_array_equal(AlternatingFlip()(x, draws[0]), Flip()(x, draws[1]))


def test_shift_by_hand():
    x = np.arange(1, 10, dtype=np.uint8).reshape(1, 3, 3, 1)
    # From 0 to 2 x pixels: 1 stays, 0 moves the image down or right by one pixel, 2 up or left.
    down = Shift(1, "zero")(x, Drawn([[0], [1]]))
    assert down[0, :, :, 0].tolist() == [[0, 0, 0], [1, 2, 3], [4, 5, 6]]
    left = Shift(1, "edge")(x, Drawn([[1], [2]]))
    assert left[0, :, :, 0].tolist() == [[2, 3, 3], [5, 6, 6], [8, 9, 9]]


def test_shift_reaches_all_places_and_no_others():
    x = np.zeros((500, 7, 7, 1), np.uint8)
    x[:, 3, 3] = 1
    out = Shift(2)(x, np.random.default_rng(0))
    _, row, column, _ = np.nonzero(out)
    assert set(zip(row.tolist(), column.tolist(), strict=True)) == {
        (r, c) for r in range(1, 6) for c in range(1, 6)
    }


def test_light_by_hand():
    x = np.array([100, 140], np.uint8).reshape(1, 1, 2, 1)
    brighter = Light(0.5)(x, Drawn(1.0, 0.5))
    assert brighter.ravel().tolist() == [150, 210]
    stretched = Light(0, 0.5)(x, Drawn(0.5, 1.0))  # about the mean, 120
    assert stretched.ravel().tolist() == [90, 150]
    assert Light(1, 0)(x, Drawn(1.0, 0.5)).ravel().tolist() == [200, 255]  # cut at white
    assert Light(1, 0)(x, Drawn(0.0, 0.5)).ravel().tolist() == [0, 0]


@pytest.mark.parametrize(("share", "turns"), [(0.0, -1), (1.0, 1)])
@pytest.mark.parametrize("side", [4, 5])
def test_affine_by_90_degrees_is_rot90(share, turns, side):
    x = pictures(3, side, side)
    out = Affine(rotate=90)(x, moved(angle=share))
    turned = np.rot90(x, turns, axes=(1, 2))
    np.testing.assert_array_equal(out, turned)


def test_affine_by_180_degrees():
    x = pictures(2, 4, 6)
    np.testing.assert_array_equal(Affine(rotate=180)(x, moved(angle=1.0)), x[:, ::-1, ::-1])


def test_affine_of_large_images_keeps_each_in_its_place():
    x = pictures(3, 150, 150)  # more than is worked on at a time
    np.testing.assert_array_equal(Affine()(x, np.random.default_rng(0)), x)


def test_affine_shift_repeats_the_border():
    x = np.arange(1, 17, dtype=np.uint8).reshape(1, 4, 4, 1)
    out = Affine(shift=0.25)(x, moved(down=1.0))  # a quarter of 4 pixels, down
    assert out[0, :, 0, 0].tolist() == [1, 1, 5, 9]
    out = Affine(shift=0.25)(x, moved(right=0.0))  # one to the left
    assert out[0, 0, :, 0].tolist() == [2, 3, 4, 4]
    out = Affine(shift=0.125)(x, moved(right=1.0))  # half a pixel: the mean of two neighbours, halves to even
    assert out[0, 0, :, 0].tolist() == [1, 2, 2, 4]


def test_affine_reads_between_four_pixels():
    row, column = np.mgrid[:4, :4].astype(np.float32)
    x = (row * column + 100 * row)[None, ..., None]
    out = Affine(shift=0.125)(x, moved(down=1.0, right=1.0))  # half a pixel down and half to the right
    assert out[0, 1:3, 1:3, 0].tolist() == [[50.25, 50.75], [150.75, 152.25]]


def test_affine_scale_enlarges_about_the_middle():
    x = np.array([0, 100, 200], np.uint8).reshape(1, 1, 3, 1)
    out = Affine(scale=0.5)(x, moved(scale=1.0))  # 1.5 times: reads at 1/3, 1 and 5/3
    assert out.ravel().tolist() == [33, 100, 167]


def test_resized_crop_reads_as_pillow_does():
    x = pictures(3, 12, 8)
    boxes = [(0.5, 0.5, 0.0, 0.0), (0.5, 0.0, 1.0, 0.5), (0.5, 1.0, 0.4, 1.0)]  # area, ratio, top, left
    out = ResizedCrop((0.2, 0.6), (0.5, 2.0))(x, Drawn(np.transpose(boxes)))
    for image, crop, (area, ratio, top, left) in zip(x, out, boxes, strict=True):
        share, wide = 0.2 + 0.4 * area, 0.5 * 4**ratio
        high, wide = (share / wide) ** 0.5, (share * wide) ** 0.5
        corner = 8 * left * (1 - wide), 12 * top * (1 - high)
        box = (*corner, corner[0] + 8 * wide, corner[1] + 12 * high)
        expected = Image.fromarray(image).resize((8, 12), Image.Resampling.BILINEAR, box)
        assert (
            np.abs(crop.astype(int) - np.asarray(expected)).max() <= 1
        )  # Pillow rounds after each direction


def test_resized_crop_draws_boxes_of_the_area_and_ratio_inside_the_image():
    rows, columns = np.mgrid[:40, :40].astype(np.float32)
    x = np.repeat(np.stack([rows, columns], -1)[None], 400, 0)
    out = ResizedCrop((0.3, 0.9), (0.5, 2.0))(x, np.random.default_rng(0))
    assert (out.min(), out.max()) == (0, 39)  # boxes reach the borders, and nothing beyond
    high, wide = 39 * (out[:, 21, 0, 0] - out[:, 20, 0, 0]), 39 * (out[:, 0, 21, 1] - out[:, 0, 20, 1])
    area, ratio = high * wide / 39**2, wide / high
    assert 0.29 < area.min() < 0.35
    assert 0.85 < area.max() < 0.91
    assert 0.49 < ratio.min() < 0.55
    assert 1.8 < ratio.max() < 2.01


def test_a_box_that_would_be_wider_than_the_image_keeps_its_area():
    x = np.repeat(np.arange(100, dtype=np.float32)[None, :, None, None], 5, 0)  # rows alone
    out = ResizedCrop((0.8, 0.8), (3.0, 3.0))(x.repeat(100, 2), np.random.default_rng(0))
    np.testing.assert_allclose(out[:, 51] - out[:, 50], 0.8, rtol=1e-3)  # all of the width, 0.8 of the height


@pytest.mark.parametrize("augmentation", ALL, ids=lambda a: a.kind)
def test_each_image_is_treated_alone(augmentation):
    """The second image of a batch does not depend on the first."""
    one, other = pictures(4, seed=0), pictures(4, seed=1)
    mixed = np.concatenate([one[:2], other[2:]])
    out = augmentation(mixed, np.random.default_rng(5))
    np.testing.assert_array_equal(out[:2], augmentation(one, np.random.default_rng(5))[:2])
    np.testing.assert_array_equal(out[2:], augmentation(other, np.random.default_rng(5))[2:])


def ascending(low: float, high: float):
    return st.tuples(st.floats(low, high), st.floats(low, high)).map(sorted).map(tuple)


@given(
    st.one_of(
        st.just(Flip()),
        st.builds(Shift, st.integers(0, 40), st.sampled_from(["edge", "zero"])),
        st.builds(Light, st.floats(0, 1), st.floats(0, 1)),
        st.builds(Affine, st.floats(0, 180), st.floats(0, 1), st.floats(0, 0.99)),
        st.builds(ResizedCrop, ascending(0.01, 1), ascending(0.1, 10)),
        st.builds(Cutout, st.integers(0, 40)),
        st.builds(RandAugment, st.integers(0, 3), st.floats(0, 10)),
        st.builds(Mixup, st.floats(0, 100)),
        st.builds(CutMix, st.floats(0, 100)),
    )
)
@settings(max_examples=100, deadline=None)
def test_any_setting_keeps_shape_and_range_and_survives_its_table(augmentation):
    flat = np.full((2, 3, 4, 3), 90, np.uint8)
    labels = np.eye(2, dtype=np.float32)
    out, mixed = apply_augmentations(flat, labels, [augmentation], np.random.default_rng(0))
    assert (out.shape, out.dtype) == (flat.shape, np.uint8)
    assert (mixed.shape, mixed.dtype) == (labels.shape, np.float32)
    np.testing.assert_allclose(mixed.sum(1), 1, rtol=1e-6)
    if augmentation.kind in ("flip", "affine", "resized-crop", "mixup", "cutmix"):
        assert (out == 90).all()
    text = tomli_w.dumps({"augment": [augmentation.to_table()]})
    assert from_table(tomllib.loads(text)["augment"][0]) == augmentation


def test_augmented_applies_in_turn_and_lets_labels_be_mixed():
    x, y = pictures(2, seed=3), np.eye(2, dtype=np.float32)
    mixed, labels = apply_augmentations(x, y, (Flip(), Mixup(1)), Drawn([0.1, 0.1], 0.75, [1, 0]))
    by_hand, same_labels = Mixup(1).mix(x[:, :, ::-1], y, Drawn(0.75, [1, 0]))
    np.testing.assert_array_equal(mixed, by_hand)
    np.testing.assert_array_equal(labels, same_labels)
    assert labels.tolist() == [[0.75, 0.25], [0.25, 0.75]]
    assert apply_augmentations(x, y, (), Drawn())[0] is x


NAMES = "flip, alternating-flip, shift, light, affine, resized-crop, cutout, randaugment, mixup, cutmix"


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ({"kind": "blur"}, f"augment: kind must be one of {NAMES}; got 'blur'."),
        ({}, f"augment: kind must be one of {NAMES}; got None."),
        ({"kind": ["flip"]}, f"augment: kind must be one of {NAMES}; got ['flip']."),
        ("flip", "augment: must be a table such as {kind = \"flip\"}; got 'flip'."),
        ({"kind": "flip", "p": 1}, "augment flip: unknown key p; it has no values."),
        ({"kind": "shift", "pixel": 1}, "augment shift: unknown key pixel; did you mean pixels?"),
        ({"kind": "shift", "pixels": -1}, "augment shift: pixels must be a whole number from 0; got -1."),
        ({"kind": "shift", "pixels": 1.5}, "augment shift: pixels must be a whole number from 0; got 1.5."),
        ({"kind": "shift", "fill": "wrap"}, "augment shift: fill must be edge or zero; got 'wrap'."),
        (
            {"kind": "light", "brightness": 2},
            "augment light: brightness must be a number from 0 to 1; got 2.",
        ),
        (
            {"kind": "light", "contrast": "a"},
            "augment light: contrast must be a number from 0 to 1; got 'a'.",
        ),
        ({"kind": "affine", "rotate": -5}, "augment affine: rotate must be a number from 0 to 360; got -5."),
        ({"kind": "affine", "shift": -1}, "augment affine: shift must be a number from 0 or two; got -1."),
        (
            {"kind": "affine", "shift": [0, 1, 2]},
            "augment affine: shift must be a number from 0 or two; got [0, 1, 2].",
        ),
        ({"kind": "affine", "scale": 1}, "augment affine: scale must be a number from 0 to 0.99; got 1."),
        (
            {"kind": "resized-crop", "area": [0, 1]},
            "augment resized-crop: area must be two shares from 0.01 to 1, ascending; got [0, 1].",
        ),
        (
            {"kind": "resized-crop", "area": 0.5},
            "augment resized-crop: area must be two shares from 0.01 to 1, ascending; got 0.5.",
        ),
        (
            {"kind": "resized-crop", "ratio": [2, 0.5]},
            "augment resized-crop: ratio must be two numbers from 0.1 to 10, ascending; got [2, 0.5].",
        ),
        ({"kind": "cutout", "pixels": -1}, "augment cutout: pixels must be a whole number from 0; got -1."),
        (
            {"kind": "cutout", "pixels": True},
            "augment cutout: pixels must be a whole number from 0; got True.",
        ),
        ({"kind": "cutout", "side": 4}, "augment cutout: unknown key side; allowed are pixels."),
        ({"kind": "randaugment", "n": 1.5}, "augment randaugment: n must be a whole number from 0; got 1.5."),
        (
            {"kind": "randaugment", "magnitude": 15},
            "augment randaugment: magnitude must be a number from 0 to 10; got 15.",
        ),
        ({"kind": "mixup", "alpha": -0.1}, "augment mixup: alpha must be a number from 0 to 100; got -0.1."),
        ({"kind": "mixup", "alpha": True}, "augment mixup: alpha must be a number from 0 to 100; got True."),
        ({"kind": "cutmix", "alpha": "1"}, "augment cutmix: alpha must be a number from 0 to 100; got '1'."),
        (
            {"kind": "cutmix", "alpha": float("nan")},
            "augment cutmix: alpha must be a number from 0 to 100; got nan.",
        ),
    ],
)
def test_errors_say_what_is_allowed(table, text):
    with pytest.raises(RecipeError) as caught:
        from_table(table)
    assert str(caught.value) == text
