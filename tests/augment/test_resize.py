"""A batch is scaled down as Pillow scales each image."""

import numpy as np
import pytest
from PIL import Image

from residual.augment.resize import find_scaled_size, scale_down


@pytest.mark.parametrize(("size", "side", "scaled"), [((32, 32), 20, (20, 20)), ((24, 30), 16, (16, 20))])
def test_each_image_is_as_pillow_scales_it(size, side, scaled):
    images = np.random.default_rng(0).integers(0, 256, (5, *size, 3)).astype(np.uint8)
    found = scale_down(images, side)
    for image, small in zip(images, found, strict=True):
        expected = Image.fromarray(image).resize(scaled[::-1], Image.Resampling.HAMMING)
        np.testing.assert_array_equal(small, np.asarray(expected))


def test_images_are_not_scaled_up():
    images = np.zeros((2, 8, 10, 3), np.uint8)
    assert scale_down(images, 8) is images
    assert scale_down(images, 9) is images
    assert find_scaled_size((8, 10), 9) == (8, 10)
