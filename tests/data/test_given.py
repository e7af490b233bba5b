"""Arrays and data sets given from Python, instead of a name or a path."""

from dataclasses import replace

import numpy as np
import pytest

from residual.data.given import label_images, load_given, open_given
from residual.data.images import Images
from residual.errors import DataError
from tests.support.made import COLOURS, striped, stripes

TRAIN, TEST = stripes(24, 0), stripes(12, 1)


def test_a_pair_of_arrays_gets_a_hold_out_and_two_pairs_keep_their_test_images():
    one = load_given(open_given((TRAIN.x, TRAIN.y)))
    assert (len(one.train), len(one.test), one.classes, one.made_test) == (21, 3, ("0", "1", "2"), True)
    assert (
        one.source == "arrays given from Python: 24 images, 16x16 pixels; 3 of them set aside as the test set"
    )
    two = load_given(open_given(((TRAIN.x, TRAIN.y), (TEST.x, TEST.y))))
    np.testing.assert_array_equal(two.test.x, TEST.x)
    assert two.source == ("arrays given from Python: 24 to train and validate and 12 to test, 16x16 pixels")


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (TRAIN.x.astype(np.float32) / 255, TRAIN.y),
        (TRAIN.x, np.eye(3)[TRAIN.y]),
        (TRAIN.x, TRAIN.y[:, None].tolist()),
        (np.moveaxis(TRAIN.x, 3, 1), TRAIN.y.astype(np.float32)),
    ],
    ids=["floats from 0 to 1", "one-hot labels", "a list of labels", "channels first"],
)
def test_arrays_of_other_forms_are_the_same_images(x, y):
    loaded, usual = load_given(open_given((x, y))), load_given(open_given((TRAIN.x, TRAIN.y)))
    np.testing.assert_array_equal(loaded.train.x, usual.train.x)
    np.testing.assert_array_equal(loaded.train.y, usual.train.y)


def test_a_data_set_is_checked_and_scaled():
    data = striped()
    small = load_given(
        open_given(replace(data, train=Images(data.train.x, data.train.y.astype(np.uint8)))), 8
    )
    assert (small.size, small.train.y.dtype, small.name) == ((8, 8), np.int64, "stripes")
    assert load_given(open_given(data), 16).train.x is data.train.x


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": ("red",)}, "data must have the names of two classes or more; got ('red',)."),
        (
            {"train": Images(TRAIN.x[..., 0], TRAIN.y)},
            "data must have images uint8 (n, height, width, 3); train has",
        ),
        (
            {"test": Images(TEST.x / 255, TEST.y)},
            "data must have images uint8 (n, height, width, 3); test has float64",
        ),
        (
            {"test": Images(TEST.x, TEST.y[1:])},
            "data must have a whole number as the label of each image; test has",
        ),
        (
            {"test": Images(TEST.x, TEST.y + 1)},
            "data must have labels from 0 to 2, the last class; test has 1 to 3.",
        ),
        (
            {"test": stripes(6, 1, size=8)},
            "data must have images of one size; test has (6, 8, 8, 3), train (96, 16",
        ),
    ],
)
def test_a_data_set_that_does_not_fit_together_is_refused(change, message):
    with pytest.raises(DataError) as caught:
        open_given(replace(striped(), **change))
    assert str(caught.value).startswith(message)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (3, "data must be the name of a data set, a path, a Dataset, arrays (x, y), or"),
        (TRAIN.x, "data must be the name of a data set, a path, a Dataset, arrays (x, y), or"),
        ([[1, 2], [3]], "data must be the name of a data set, a path, a Dataset, arrays (x, y), or"),
        ((TRAIN.x, np.zeros(24)), "data, train: there must be at least two classes"),
        ((TRAIN.x, TRAIN.y[:5]), "data, train: 24 images need as many whole-number labels"),
        ((TRAIN.x - 128.0, TRAIN.y), "data, train: images are float64 from -128 to 127: they were scaled"),
        ((TRAIN.x[..., :2], TRAIN.y), "data, train: images must be (n, height, width, 1, 3 or 4)"),
    ],
)
def test_what_is_no_data_is_one_short_message(data, message):
    with pytest.raises(DataError) as caught:
        load_given(open_given(data))
    assert str(caught.value).startswith(message)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (TEST.y, COLOURS),
        (np.array(COLOURS)[TEST.y], COLOURS),
        (TEST.y + 4, ("4", "5", "6")),
    ],
    ids=["outputs", "names", "numbers that are names"],
)
def test_labels_of_arrays_are_names_of_classes_or_outputs(labels, classes):
    images = label_images((TEST.x, labels), classes, 8)
    np.testing.assert_array_equal(images.y, TEST.y)
    assert images.x.shape == (12, 8, 8, 3)


def test_labels_that_could_mean_either_are_refused():
    with pytest.raises(DataError, match="labels that the network does not know: 0. It knows 1, 2, 3."):
        label_images((TEST.x, TEST.y), ("1", "2", "3"), 16)
    with pytest.raises(DataError, match="labels that the network does not know: 7"):
        label_images((TEST.x, np.full(12, 7)), COLOURS, 16)
