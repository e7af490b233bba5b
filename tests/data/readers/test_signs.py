"""HDF5 pairs: layouts, damage at every place, and errors that name the file."""

import contextlib
import re

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from residual.data.load import load_data
from residual.data.readers import signs
from residual.errors import DataError


def arrays(part: str, n: int, size: int = 4) -> dict:
    """Image i is all i, its label i % 3."""
    x = np.broadcast_to(np.arange(n, dtype=np.uint8)[:, None, None, None], (n, size, size, 3))
    return {f"{part}_set_x": x, f"{part}_set_y": np.arange(n) % 3, "list_classes": np.arange(3)}


def write(path, content: dict):
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for key, value in content.items():
            if value is not None:
                file[key] = value


def write_pair(folder, train=None, test=None, names=("train_signs.h5", "test_signs.h5")):
    write(folder / names[0], {**arrays("train", 12), **(train or {})})
    write(folder / names[1], {**arrays("test", 6), **(test or {})})


def said(path) -> str:
    with pytest.raises(DataError) as caught:
        load_data(path)
    return str(caught.value)


@pytest.mark.parametrize("given_path", ["", "train_signs.h5", "test_signs.h5"])
def test_pair_by_folder_or_either_file(tmp_path, given_path):
    folder = tmp_path / "hands"
    write_pair(folder)
    data = load_data(folder / given_path)
    assert (data.name, data.classes, data.made_test) == ("hands", ("0", "1", "2"), False)
    assert data.train.x[:, 0, 0, 0].tolist() == list(range(12))
    assert data.test.y.tolist() == [0, 1, 2, 0, 1, 2]
    assert (data.train.y.dtype, data.train.x.dtype) == (np.int64, np.uint8)
    assert data.source == (
        f"hands from {folder / 'train_signs.h5'} (12 images) and {folder / 'test_signs.h5'} (6 images)"
    )


def test_one_file_with_both_parts(tmp_path):
    write(tmp_path / "all.hdf5", {**arrays("train", 12), **arrays("test", 6)})
    data = load_data(tmp_path / "all.hdf5")
    assert (data.name, len(data.train), len(data.test)) == ("all", 12, 6)


def test_relative_path_is_named_by_its_folder(tmp_path, monkeypatch):
    write_pair(tmp_path / "hands")
    monkeypatch.chdir(tmp_path / "hands")
    assert load_data("train_signs.h5").name == "hands"


def test_labels_in_a_row_grey_images_and_no_names(tmp_path):
    write_pair(
        tmp_path,
        {"train_set_x": np.full((3, 4, 4), 7, np.uint8), "train_set_y": [[0, 1, 4]], "list_classes": None},
        {"list_classes": None},
    )
    data = load_data(tmp_path)
    assert data.classes == ("0", "1", "2", "4")
    assert data.train.y.tolist() == [0, 1, 3]
    assert data.train.x.shape == (3, 4, 4, 3)
    assert (data.train.x == 7).all()


def test_transparent_pixels_become_white(tmp_path):
    x = np.zeros((12, 4, 4, 4), np.uint8)
    x[0, ..., 3] = 255
    x[1, ..., 3] = 51
    write_pair(tmp_path, {"train_set_x": x})
    assert load_data(tmp_path).train.x[:3, 0, 0].tolist() == [[0, 0, 0], [204, 204, 204], [255, 255, 255]]


@pytest.mark.parametrize("names", [[b"zero", "één".encode(), b"two"], [["zero", "één", "two"]]])
def test_class_names_as_bytes_text_or_in_a_row(tmp_path, names):
    text = [name.decode() if isinstance(name, bytes) else name for name in np.ravel(names).tolist()]
    stored = names if isinstance(names[0], bytes) else np.array(names, dtype=h5py.string_dtype())
    write_pair(tmp_path, {"list_classes": stored}, {"list_classes": None})
    assert load_data(tmp_path).classes == tuple(text) == ("zero", "één", "two")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"train_set_y": np.arange(12)}, "{f}: labels must be 0 to 2, got 0 to 11."),
        ({"train_set_y": np.arange(12) - 1}, "{f}: labels must be 0 to 2, got -1 to 10."),
        (
            {"train_set_y": np.full(12, 2**60), "list_classes": None},
            "{f}: labels must be 0 to 2, got 1152921504606846976 to 1152921504606846976.",
        ),
        (
            {"train_set_y": np.full(12, np.nan)},
            "{f}: labels must be whole numbers or text, got float64 such as nan. "
            "Store the index of the class of each image.",
        ),
        (
            {"train_set_y": np.eye(12, 3, dtype=int)},
            "{f}: labels of shape (12, 3) are not one-hot: every row needs one 1 and else 0. "
            "Images of several classes cannot be read.",
        ),
        (
            {"train_set_y": np.array([b"a"] * 12, "S1")},
            "{f} and {t}: some labels are text, others whole numbers. Store all of them alike.",
        ),
        (
            {"train_set_x": np.zeros((12, 4, 4, 3), np.float32)},
            "{f} and {t}: images are float32 and uint8 from 0 to 5, and not alike in all splits. "
            "Store all of them alike, as uint8 from 0 to 255.",
        ),
        (
            {"train_set_x": np.zeros((12, 4, 4, 5), np.uint8)},
            "{f}: images must be (n, height, width, 1, 3 or 4), got shape (12, 4, 4, 5).",
        ),
        (
            {"train_set_x": np.zeros((0, 4, 4, 3), np.uint8), "train_set_y": np.zeros(0)},
            "{f}: there are no images.",
        ),
        ({"train_set_x": None}, "{f} lacks the array train_set_x; it holds list_classes, train_set_y."),
        (
            {"train_set_x": None, "train_set_y": None, "list_classes": None, "images": [1]},
            "{f} lacks the array train_set_x and train_set_y; it holds images.",
        ),
        (
            {"train_set_x": None, "train_set_x/inside": [1]},
            "{f} lacks the array train_set_x; it holds list_classes, train_set_x, train_set_y.",
        ),
        (
            {"list_classes": [b"a", b"b", b"a"]},
            "{f} and {t} name different classes: a, b, a and 0, 1, 2. "
            "Both must give the same names in the same order.",
        ),
    ],
)
def test_what_does_not_fit_is_said_exactly(tmp_path, change, says):
    write_pair(tmp_path, change)
    assert said(tmp_path) == says.format(f=tmp_path / "train_signs.h5", t=tmp_path / "test_signs.h5")


def test_stray_label_without_names_does_not_make_that_many_classes(tmp_path):
    write_pair(tmp_path, {"train_set_y": np.full(12, 2**60), "list_classes": None}, {"list_classes": None})
    assert "train_signs.h5: labels must be 0 to 99999 at most, got 1152921504606846976" in said(tmp_path)


def test_class_named_twice(tmp_path):
    write_pair(tmp_path, {"list_classes": [b"a", b"b", b"a"]}, {"list_classes": None})
    assert said(tmp_path) == (
        f"{tmp_path / 'train_signs.h5'} names a class twice: a, b, a. Every name may stand once."
    )


def test_parts_of_two_sizes(tmp_path):
    write_pair(tmp_path, None, arrays("test", 6, size=5))
    assert said(tmp_path) == (
        f"{tmp_path / 'train_signs.h5'} and {tmp_path / 'test_signs.h5'}: test images are 5x5, training images 4x4; "
        "all must have one size. Scale them when you write the files."
    )


def test_missing_partner(tmp_path):
    write(tmp_path / "train_signs.h5", arrays("train", 12))
    assert said(tmp_path) == (
        f"{tmp_path} needs exactly one train*.h5 and one test*.h5; it holds train_signs.h5."
    )
    assert said(tmp_path / "train_signs.h5").startswith(
        f"{tmp_path / 'train_signs.h5'} has no partner: one file must hold train_set_x, "
    )


def test_a_third_file_is_not_answered_with_the_pair(tmp_path):
    write_pair(tmp_path)
    write(tmp_path / "other.h5", {"weights": [1.0]})
    assert said(tmp_path / "other.h5").startswith(f"{tmp_path / 'other.h5'} ")


def test_two_training_files(tmp_path):
    write_pair(tmp_path)
    write(tmp_path / "train_more.h5", arrays("train", 3))
    assert said(tmp_path).endswith("it holds test_signs.h5, train_more.h5, train_signs.h5.")


def test_truncated_at_any_byte(tmp_path):
    write_pair(tmp_path)
    file = tmp_path / "train_signs.h5"
    whole = file.read_bytes()
    for length in (0, 4, 8, 100, 500, len(whole) // 2, len(whole) - 8, len(whole) - 1):
        file.write_bytes(whole[:length])
        reason = "truncated"
        if length <= 8:  # of the file's signature alone
            reason = "damaged" if length == 8 else "not an HDF5 file, or damaged"
        for path in (tmp_path, file):
            assert said(path) == f"{file} cannot be opened: {reason}. Copy or download it again."


def test_text_is_no_hdf5(tmp_path):
    write_pair(tmp_path)
    (tmp_path / "test_signs.h5").write_text("404: not found\n" * 50)
    assert said(tmp_path) == (
        f"{tmp_path / 'test_signs.h5'} cannot be opened: not an HDF5 file, or damaged. "
        "Copy or download it again."
    )


@given(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=5))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damage_anywhere_gives_data_or_a_data_error(tmp_path, damage):
    write_pair(tmp_path)
    file = tmp_path / "train_signs.h5"
    content = bytearray(file.read_bytes())
    for place, value in damage:
        content[int(place * len(content))] = value
    file.write_bytes(content)
    with contextlib.suppress(DataError):
        assert load_data(tmp_path).train.x.shape[-1] == 3


def test_missing_and_forbidden_files(tmp_path, monkeypatch):
    with pytest.raises(DataError, match=re.escape(f"There is no file {tmp_path / 'train.h5'}.")):
        signs._read_split(tmp_path / "train.h5", "train")

    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(h5py, "File", refuse)
    with pytest.raises(DataError, match=r"train\.h5 may not be read: permission denied"):
        signs._read_split(tmp_path / "train.h5", "train")
