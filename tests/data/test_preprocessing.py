"""From a photo to the pixels of a network: sizes, corners and filters of the libraries that weights come from."""

import json

import numpy as np
import pytest
from PIL import Image

from residual.data.preprocessing import Preprocessing, prepare_image
from residual.errors import RunError


def numbered(width: int, height: int) -> Image.Image:
    """An image whose red is its column and whose green is its row."""
    y, x = np.mgrid[:height, :width]
    return Image.fromarray(np.stack([x, y, 0 * x], -1).astype(np.uint8))


@pytest.mark.parametrize(
    ("size", "changes", "first"),
    [
        ((9, 6), {}, (2, 1)),  # margins 5 and 2: 2.5 is rounded to 2, as torchvision does
        ((7, 6), {}, (2, 1)),  # margin 3: 1.5 is rounded to 2
        ((7, 6), {"crop_rounding": "down"}, (1, 1)),
        ((6, 7), {}, (1, 2)),
    ],
)
def test_the_middle_is_cut_out(size, changes, first):
    cut = prepare_image(numbered(*size), Preprocessing(height=4, width=4, resize_to=6, **changes))
    assert cut.shape == (4, 4, 3)
    assert tuple(cut[0, 0, :2]) == first


def test_the_longer_side_is_rounded_down():
    wide = prepare_image(numbered(10, 7), Preprocessing(height=5, width=5, resize_to=5, crop_fraction=1.0))
    scaled = np.asarray(numbered(10, 7).resize((7, 5), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(wide, scaled[:, 1:6])


def test_a_photo_that_is_smaller_than_the_cut_gets_a_black_border():
    cut = prepare_image(numbered(4, 4), Preprocessing(height=7, width=7, resize_to=4, crop_fraction=1.75))
    np.testing.assert_array_equal(cut[1:5, 1:5], np.asarray(numbered(4, 4)))
    assert cut.sum() == np.asarray(numbered(4, 4)).sum()


def test_exact_and_cover():
    exact = prepare_image(numbered(8, 4), Preprocessing(height=4, width=4, resize="exact"))
    cover = prepare_image(numbered(8, 4), Preprocessing(height=4, width=4, resize="cover"))
    np.testing.assert_array_equal(exact, np.asarray(numbered(8, 4).resize((4, 4), Image.Resampling.BILINEAR)))
    np.testing.assert_array_equal(cover, np.asarray(numbered(8, 4))[:, 2:6])


def test_scaling_without_antialiasing_takes_neighbours_alone():
    plain = Preprocessing(height=2, width=2, resize="exact", antialias=False)
    scaled = prepare_image(numbered(8, 8), plain)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(
        scaled[..., 0], [[1.5, 5.5]] * 2
    )  # the mean of columns 1 and 2, and of 5 and 6
    nearest = Preprocessing(height=2, width=2, resize="exact", antialias=False, interpolation="nearest")
    np.testing.assert_array_equal(prepare_image(numbered(8, 8), nearest)[..., 0], [[2, 6]] * 2)


def test_a_table_and_back():
    p = Preprocessing(height=160, width=160, mean=(1, 2, 3), channels="bgr", source="a test")
    assert Preprocessing.from_dict(json.loads(json.dumps(p.to_dict()))) == p
    assert str(p) == "shorter side to 256, middle 160x160, bilinear; BGR, mean 1/2/3, std 1/1/1"


def test_another_size_keeps_the_fraction():
    p = Preprocessing(height=224, width=224, resize_to=235, crop_fraction=0.95)
    assert (p.at_size(288).resize_to, p.at_size(224)) == (303, p)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"std": [1, 2, 0]}, "preprocessing: std must be three positive numbers, one for each channel; got"),
        ({"mean": [1, 2]}, "preprocessing: mean must be three numbers"),
        ({"mean": [1, 2, float("nan")]}, "preprocessing: mean must be three numbers"),
        (
            {"interpolation": "cubic"},
            "preprocessing: interpolation must be one of nearest, bilinear, bicubic",
        ),
        ({"heigth": 3}, "preprocessing: unknown key heigth; did you mean height"),
    ],
)
def test_wrong_tables(table, message):
    with pytest.raises(RunError, match=message):
        Preprocessing.from_dict(table)


@pytest.mark.parametrize("size", [(20, 20), (90, 70)])
def test_bicubic_without_antialiasing_is_that_of_keras(size):
    tensorflow = pytest.importorskip("tensorflow")
    photo = np.random.default_rng(0).integers(0, 256, (50, 64, 3)).astype(np.uint8)
    p = Preprocessing(
        width=size[0],
        height=size[1],
        resize="exact",
        interpolation="bicubic",
        antialias=False,
        source="a test",
    )
    scaled = tensorflow.image.resize(photo.astype(np.float32), size[::-1], "bicubic", antialias=False).numpy()
    np.testing.assert_allclose(prepare_image(Image.fromarray(photo), p), scaled, atol=1e-2)
