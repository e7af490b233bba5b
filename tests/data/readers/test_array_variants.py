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
    "axes of length 1": (Y[:, None, None, None], ("0", "1", "2")),
    "one-hot with an axis of length 1": (np.eye(3)[Y][:, None], ("0", "1", "2")),
    "whole floats as text": (Y.astype(float).astype(str), ("0", "1", "2")),
    "big-endian": (Y.astype(">f8"), ("0", "1", "2")),
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
    "Fortran order": (np.asfortranarray(X), X),
    "big-endian": (X.astype(">i2"), X),
    "transparent, channels first": (
        np.concatenate([X, np.full((12, 6, 6, 1), 255, np.uint8)], -1).transpose(0, 3, 1, 2),
        X,
    ),
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
    assert bool(source.notes) == (kind not in ("grey", "Fortran order"))


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


def test_values_below_0_have_no_white(tmp_path):
    path = save(tmp_path / "a.npz", x=X / 127.5 - 1, y=Y)
    assert "images have values down to -1, which no white makes pixels of" in said(f"{path}::white=1")


def test_arrays_that_are_not_read_are_named(tmp_path):
    source = open_source(save(tmp_path / "a.npz", x_train=X, y_train=Y, x_test=X[:6], ids=np.arange(12)))
    assert sorted(item.name for item in source.passed_over) == ["ids", "x_test"]


def write_h5(path, **arrays):
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array
    return path


SEVERAL = {
    "x and y of each split": {
        f"cam_{split}_{name}.h5": {name: name} for split in ("train", "test") for name in "xy"
    },
    "a file for each split": {f"{split}.h5": {"x": "x", "y": "y"} for split in ("train", "test")},
    "npz": {f"{name}_{split}.npz": {"arr_0": name} for split in ("train", "test") for name in "xy"},
    "mixed": {
        "x_train.npy": {"": "x"},
        "y_train.h5": {"a": "y"},
        "x_test.npz": {"a": "x"},
        "y_test.npy": {"": "y"},
    },
}


@pytest.mark.parametrize("kind", SEVERAL)
def test_arrays_in_several_files(tmp_path, kind):
    for name, held in SEVERAL[kind].items():
        count = 12 if "train" in name else 6
        arrays = {key: (X if role == "x" else Y[:, None, None, None])[:count] for key, role in held.items()}
        if name.endswith(".npy"):
            np.save(tmp_path / name, arrays[""])
        elif name.endswith(".npz"):
            np.savez(tmp_path / name, **arrays)
        else:
            write_h5(tmp_path / name, **arrays)
    first = next(iter(SEVERAL[kind]))
    for path in (tmp_path, *([tmp_path / first] if kind != "a file for each split" else [])):
        source = open_source(path)
        assert [len(source.indices(split)) for split in ("train", "test")] == [12, 6]
        np.testing.assert_array_equal(pixels(source)[:12], X)
        assert source.labels.tolist() == [*Y, *Y[:6]]


def test_a_third_file_beside_a_pair_is_not_answered_with_it(tmp_path):
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", Y)
    np.save(tmp_path / "weights.npy", np.ones(12))
    assert len(open_source(tmp_path)) == 12
    assert "neither the images nor the labels of the files beside it" in said(tmp_path / "weights.npy")


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
