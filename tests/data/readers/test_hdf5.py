"""Pairs of arrays that are called otherwise: found where there is one, else named behind "::"."""

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from residual.data.load import load_data, open_source
from residual.errors import DataError

X = np.arange(20 * 4 * 4 * 3, dtype=np.uint16).reshape(20, 4, 4, 3).astype(np.uint8)
X[:, 0, 0, 0] = np.arange(20)
Y = np.arange(20) % 2


def write(path, **arrays):
    if path.suffix == ".npz":
        np.savez(path, **{name.replace("/", "_"): array for name, array in arrays.items()})
        return path
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array
    return path


def said(data) -> str:
    with pytest.raises(DataError) as caught:
        load_data(data)
    return str(caught.value)


def test_the_only_pair_is_found(tmp_path):
    path = write(tmp_path / "a.h5", **{"deep/photos": X, "deep/kinds": Y[:, None], "weights": np.ones(3)})
    data = load_data(path)
    assert (data.name, data.classes, data.size, data.made_test) == ("a", ("0", "1"), (4, 4), True)
    assert (len(data.train), len(data.test)) == (16, 4)
    assert data.source == f"20 images from {path}; 4 of them set aside as the test set"
    assert set(data.train.x[:, 0, 0, 0]) | set(data.test.x[:, 0, 0, 0]) == set(range(20))


@pytest.mark.parametrize("suffix", ["h5", "npz"])
def test_pairs_are_named(tmp_path, suffix):
    path = write(
        tmp_path / f"a.{suffix}", one=X, two=X[:6], a=Y, b=Y[:6], c=Y[::-1], names=np.array([b"no", b"yes"])
    )
    data = load_data(f"{path}::images=one,labels=c,test_images=two,test_labels=b,classes=names")
    assert (len(data.train), len(data.test), data.classes) == (20, 6, ("no", "yes"))
    np.testing.assert_array_equal(data.train.y, Y[::-1])
    assert not data.made_test
    whole = load_data(f"{path}::images=one,labels=a", 8)
    assert (whole.size, whole.made_test) == ((8, 8), True)


def test_what_is_not_obvious_is_asked_for(tmp_path):
    path = write(tmp_path / "a.h5", one=X, two=X, a=Y)
    assert said(path) == (
        f"{path} holds a (20), one (20 x 4 x 4 x 3), two (20 x 4 x 4 x 3): which are the images and which their "
        "labels is not obvious. "
        f"Name them: {path}::images=NAME,labels=NAME (and test_images, test_labels, classes)."
    )
    assert said(f"{path}::images=one") == f"{path}: say also which array has the labels: labels=NAME."
    assert said(f"{path}::images=one,labels=a,test_images=two").endswith("the test_labels: test_labels=NAME.")
    assert (
        said(f"{path}::images=three,labels=a")
        == f"{path} has no array three; it holds a (20), one (20 x 4 x 4 x 3), two (20 x 4 x 4 x 3)."
    )
    assert (
        said(f"{path}::x=one")
        == f"{path}: x must be one of classes, images, labels, test_images, test_labels, validation, "
        "validation_images, validation_labels, white."
    )
    assert said(f"{path}::images=one,labels=two").startswith(
        f"{path} (one): 20 images need as many whole-number labels"
    )


def test_a_signs_file_may_be_read_otherwise(tmp_path):
    path = write(tmp_path / "a.h5", train_set_x=X, train_set_y=Y, other=Y[::-1])
    assert "has no partner" in said(path)
    assert len(load_data(f"{path}::images=train_set_x,labels=other").train) == 16


@given(cut=st.integers(0, 4000), place=st.integers(0, 3000), value=st.integers(0, 255))
@settings(max_examples=40, deadline=None)
def test_any_damage_is_a_data_error(tmp_path_factory, cut, place, value):
    path = write(tmp_path_factory.mktemp("arrays") / "a.h5", photos=X, kinds=Y)
    content = bytearray(path.read_bytes())
    content[place] = value
    path.write_bytes(content[:cut] if cut < 2000 else content)
    try:
        source, said = open_source(path), ""
    except DataError as error:
        source, said = None, str(error)
    assert str(path) in said if source is None else len(source.names) == len(source)
