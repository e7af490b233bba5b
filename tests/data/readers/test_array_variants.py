"""Arrays as people store them: what is unambiguous is read, and a note says how; the rest is refused."""

import h5py
import numpy as np
import pytest

from residual.data.load import load_data, open_source
from residual.errors import DataError

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (12, 6, 6, 3), np.uint8)
X[0, 0, 0] = 255
Y = np.arange(12) % 3


def save(path, **arrays):
    np.savez(path, **arrays)
    return path


def said(path) -> str:
    with pytest.raises(DataError) as caught:
        open_source(path)
    return str(caught.value)


def pixels(source) -> np.ndarray:
    return np.stack([source.open(i) for i in range(len(source))])


LABELS = {
    "one-hot": (np.eye(3)[Y], ("0", "1", "2")),
    "one-hot and boolean": (np.eye(3)[Y].astype(bool), ("0", "1", "2")),
    "boolean": (Y == 1, ("0", "1")),
    "whole floats": (Y.astype(np.float32), ("0", "1", "2")),
    "text": (np.array(["cat", "dog", "eel"])[Y], ("cat", "dog", "eel")),
    "bytes": (np.array([b"cat", b"dog", b"eel"])[Y], ("cat", "dog", "eel")),
    "from 1": (Y + 1, ("1", "2", "3")),
    "with a gap": (np.array([0, 5, 9])[Y], ("0", "5", "9")),
    "a column": (Y[:, None], ("0", "1", "2")),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels(tmp_path, kind):
    labels, classes = LABELS[kind]
    source = open_source(save(tmp_path / "a.npz", x=X, y=labels))
    assert source.classes == classes
    flat = Y if kind != "boolean" else (Y == 1).astype(int)
    assert source.labels.tolist() == flat.tolist()
    noted = any("each is a class of that name" in note for note in source.notes)
    assert noted == (kind in ("from 1", "with a gap"))


def test_labels_from_1_with_names(tmp_path):
    source = open_source(save(tmp_path / "a.npz", x=X, y=Y + 1, classes=np.array(["cat", "dog", "eel"])))
    assert (source.classes, source.labels.tolist()) == (("cat", "dog", "eel"), Y.tolist())
    assert "labels count from 1: 1 is cat" in source.notes


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (Y + 0.5, "labels must be whole numbers or text, got float64 such as 0.5"),
        (np.ones((12, 3)), "are not one-hot"),
        (Y - 1, "labels must be 0 to 99999 at most, got -1 to 1"),
        (np.full(12, np.nan), "labels must be whole numbers or text"),
    ],
)
def test_labels_that_are_refused(tmp_path, labels, says):
    assert says in said(save(tmp_path / "a.npz", x=X, y=labels))


IMAGES = {
    "floats from 0 to 1": (X / 255, X),
    "float32 from 0 to 255": (X.astype(np.float32), X),
    "whole numbers of 64 bits": (X.astype(np.int64), X),
    "channels first": (X.transpose(0, 3, 1, 2), X),
    "the last axis counts": (X.transpose(1, 2, 3, 0), X),
    "grey": (X[..., 0], np.repeat(X[..., :1], 3, -1)),
    "grey floats, channels first": (X[:, None, :, :, 0] / 255, np.repeat(X[..., :1], 3, -1)),
    "flat": (X[..., 0].reshape(12, 36), np.repeat(X[..., :1], 3, -1)),
    "boolean": (X > 127, np.where(X > 127, 255, 0)),
}


@pytest.mark.parametrize("kind", IMAGES)
@pytest.mark.parametrize("ending", ["npz", "h5"])
def test_images(tmp_path, kind, ending):
    stored, wanted = IMAGES[kind]
    if ending == "npz":
        path = save(tmp_path / "a.npz", images=stored, labels=Y)
    else:
        path = tmp_path / "a.h5"
        with h5py.File(path, "w") as file:
            file["images"], file["labels"] = stored, Y
    source = open_source(path)
    np.testing.assert_array_equal(pixels(source), wanted)
    assert bool(source.notes) == (kind not in ("grey",))


@pytest.mark.parametrize(
    ("stored", "says"),
    [
        (X / 127.5 - 1, "they were scaled for a network"),
        (X.astype(np.uint16) * 16, "does not say what is white"),
        (X.astype(np.float32) / 16, "does not say what is white"),
        (np.where(X > 5, np.nan, X), "values that are not finite"),
        (RNG.integers(0, 256, (12, 5, 7, 9), np.uint8), "which are the images"),
    ],
)
def test_images_that_are_refused(tmp_path, stored, says):
    assert says in said(save(tmp_path / "a.npz", x=stored, y=Y))


def test_white_is_said_by_an_option(tmp_path):
    path = save(tmp_path / "a.npz", x=X.astype(np.uint16) * 16, y=Y)
    assert "::white=4095" in said(path)
    np.testing.assert_array_equal(pixels(open_source(f"{path}::white=4080")), X)
    assert "white must be the value of a white pixel, such as 255; got 'much'." in said(f"{path}::white=much")


NAMES = {
    "Keras": ("x_train", "y_train", "x_test", "y_test"),
    "MedMNIST": ("train_images", "train_labels", "test_images", "test_labels"),
    "humps": ("trainImages", "trainLabels", "testImages", "testLabels"),
    "capitals": ("X_train", "Y_train", "X_test", "Y_test"),
    "without a line": ("Xtrain", "ytrain", "Xtest", "ytest"),
    "data and target": ("train_data", "train_target", "test_data", "test_target"),
}


@pytest.mark.parametrize("kind", NAMES)
def test_names_of_arrays(tmp_path, kind):
    arrays = dict(zip(NAMES[kind], (X, Y, X[:6], Y[:6]), strict=True))
    source = open_source(save(tmp_path / "a.npz", **arrays))
    assert (len(source.indices("train")), len(source.indices("test"))) == (12, 6)


def test_the_validation_images_of_medmnist_are_read(tmp_path):
    parts = {"train": (X, Y), "val": (X[:6], Y[:6]), "test": (X[:3], Y[:3])}
    arrays = {f"{split}_images": x for split, (x, _) in parts.items()}
    arrays |= {f"{split}_labels": y[:, None].astype(np.uint8) for split, (_, y) in parts.items()}
    data = load_data(save(tmp_path / "a.npz", **arrays))
    assert (len(data.train), len(data.validation), len(data.test)) == (12, 6, 3)


@pytest.mark.parametrize("names", [("X", "Y"), ("images", "labels"), ("data", "target")])
def test_files_side_by_side(tmp_path, names):
    for name, array in zip(names, (X / 255, np.eye(3)[Y]), strict=True):
        np.save(tmp_path / f"{name}.npy", array)
    for path in (tmp_path, tmp_path / f"{names[0]}.npy", tmp_path / f"{names[1]}.npy"):
        source = open_source(path)
        np.testing.assert_array_equal(pixels(source), X)
        assert source.labels.tolist() == Y.tolist()


def test_files_side_by_side_with_splits(tmp_path):
    for name, array in (("x_train", X), ("y_train", Y), ("x_test", X[:6]), ("y_test", Y[:6])):
        np.save(tmp_path / f"{name}.npy", array)
    source = open_source(tmp_path)
    assert (len(source.indices("train")), len(source.indices("test"))) == (12, 6)


def test_a_pickled_or_damaged_npy_is_refused(tmp_path):
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", np.array([{}] * 12))
    assert "y.npy is not an .npy that can be read safely" in said(tmp_path)
    (tmp_path / "y.npy").write_bytes((tmp_path / "x.npy").read_bytes()[:200])
    assert "y.npy is not an .npy that can be read safely" in said(tmp_path)


def test_one_that_is_not_obvious_is_refused(tmp_path):
    path = save(tmp_path / "a.npz", images=X, photos=X, labels=Y)
    assert "images=NAME,labels=NAME" in said(path)
    assert len(open_source(f"{path}::images=photos,labels=labels")) == 12
