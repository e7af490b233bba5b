"""From a name or a path to a Dataset: what is found where, and what is said when nothing is."""

import zipfile

import h5py
import numpy as np
import pytest

from residual.data import named
from residual.data.drawn_hands import hands
from residual.data.load import load_data, open_source
from residual.errors import DataError


def said(*arguments, **named) -> str:
    with pytest.raises(DataError) as caught:
        load_data(*arguments, **named)
    return str(caught.value)


def write_signs(folder, first: int = 0):
    """A tiny SIGNS pair whose first training pixel is `first`."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in ("train", "test"):
        with h5py.File(folder / f"{part}_signs.h5", "w") as file:
            file[f"{part}_set_x"] = np.full((12, 4, 4, 3), first, np.uint8)
            file[f"{part}_set_y"] = np.arange(12) % 6
            file["list_classes"] = np.arange(6)


@pytest.fixture
def no_drawing(monkeypatch):
    """Drawing all hands takes seconds; two are enough here."""
    monkeypatch.setattr(
        hands,
        "render_signs",
        lambda: (
            np.zeros((6, 64, 64, 3), np.uint8),
            np.arange(6),
            np.zeros((6, 64, 64, 3), np.uint8),
            np.arange(6),
        ),
    )


def test_digits():
    data = load_data("digits")
    assert (len(data.train), len(data.test), data.size) == (1438, 359, (16, 16))
    assert data.classes == tuple("0123456789")
    assert np.bincount(data.test.y).tolist() == [36, 36, 35, 37, 36, 36, 36, 36, 35, 36]
    assert (data.train.x.min(), data.train.x.max()) == (0, 255)
    assert (data.train.x[..., 0] == data.train.x[..., 2]).all()
    assert not data.made_test
    again = load_data()
    np.testing.assert_array_equal(again.test.x, data.test.x)
    np.testing.assert_array_equal(again.train.y, data.train.y)


def test_digits_parts_are_disjoint():
    train, test = ({image.tobytes() for image in part.x} for part in (load_data().train, load_data().test))
    assert len(train) + len(test) == 1797  # all images differ, so none is in both
    assert not train & test


def test_digits_at_other_sizes():
    assert load_data("digits", 8).size == (8, 8)


@pytest.mark.parametrize("below", ["", "signs", "datasets"])
def test_signs_below_the_root(tmp_path, below):
    write_signs(tmp_path / "root" / below, first=7)
    data = load_data("signs", search_dir=tmp_path / "root")
    assert (data.name, data.classes, data.train.x[0, 0, 0, 0]) == ("signs", tuple("012345"), 7)
    assert f"from {tmp_path / 'root' / below / 'train_signs.h5'} (12 images)" in data.source


def test_signs_root_goes_before_environment_before_datasets(tmp_path, monkeypatch, no_drawing):
    for i, place in enumerate(("root", "environment", "datasets")):
        write_signs(tmp_path / place, first=i + 1)
    monkeypatch.setenv("RESIDUAL_DATA", str(tmp_path / "environment"))
    assert load_data("signs", search_dir=str(tmp_path / "root")).train.x[0, 0, 0, 0] == 1
    assert load_data("signs").train.x[0, 0, 0, 0] == 2
    monkeypatch.delenv("RESIDUAL_DATA")
    assert load_data("signs").train.x[0, 0, 0, 0] == 3
    monkeypatch.chdir(tmp_path / "root")
    assert load_data("signs").source.startswith("drawn hands, a stand-in: the real SIGNS files")


def test_signs_without_its_partner(tmp_path):
    write_signs(tmp_path / "signs")
    (tmp_path / "signs" / "test_signs.h5").unlink()
    assert said("signs", search_dir=tmp_path) == (
        f"Found {tmp_path / 'signs' / 'train_signs.h5'}, but not its partner "
        f"{tmp_path / 'signs' / 'test_signs.h5'}. SIGNS needs both files."
    )


def test_signs_are_scaled(tmp_path):
    write_signs(tmp_path)
    assert load_data("signs", 9, tmp_path).size == (9, 9)


@pytest.mark.shared
@pytest.mark.parametrize("way", ["root", "environment", "datasets", "path", "file"])
def test_the_real_signs(way, shared_data, tmp_path, monkeypatch):
    path, root = "signs", None
    if way == "root":
        root = shared_data
    elif way == "environment":
        monkeypatch.setenv("RESIDUAL_DATA", str(shared_data))
    elif way == "datasets":
        (tmp_path / "datasets").symlink_to(shared_data)
    else:
        path = shared_data / "signs" / ("test_signs.h5" if way == "file" else "")
    data = load_data(path, search_dir=root)
    assert (data.name, len(data.train), len(data.test), data.size) == ("signs", 960, 120, (64, 64))
    assert data.classes == tuple("012345")
    assert np.bincount(data.test.y).tolist() == [20] * 6


@pytest.mark.shared
def test_real_signs_cut_short(shared_data, tmp_path):
    for part in ("train", "test"):
        whole = (shared_data / "signs" / f"{part}_signs.h5").read_bytes()
        (tmp_path / f"{part}_signs.h5").write_bytes(whole)
    for share in (0.001, 0.5, 0.999):
        (tmp_path / "test_signs.h5").write_bytes(whole[: int(len(whole) * share)])
        assert said("signs", search_dir=tmp_path) == (
            f"{tmp_path / 'test_signs.h5'} cannot be opened: truncated. Copy or download it again."
        )


@pytest.mark.shared
def test_real_photos_in_class_folders(shared_data, tmp_path):
    with zipfile.ZipFile(shared_data / "sign_language_digits" / "sign_language_digits.zip") as archive:
        archive.extractall(tmp_path)
    data = load_data(tmp_path / "sign_language_digits", 32)
    assert data.classes == tuple("0123456789")
    assert (len(data.train) + len(data.test), data.size, data.made_test) == (2062, (32, 32), True)
    assert abs(len(data.test) - 0.15 * 2062) < 6
    assert open_source(tmp_path).classes == data.classes  # the only folder in it is seen through


@pytest.mark.parametrize("name", ["nothing-here", "no/such/place", "a\0b", "x" * 5000, "~nobody-here/x"])
def test_unknown_name_lists_the_names(name):
    text = said(name)
    assert text.startswith("There is no data called ")
    assert text.endswith(": it is neither a file or folder nor one of digits, signs, cifar10.")


def test_unknown_suffix(tmp_path):
    (tmp_path / "data.doc").write_text("1,2")
    assert said(tmp_path / "data.doc") == (
        f"{tmp_path / 'data.doc'} is of no kind that can be read: allowed are .h5, .hdf5, .npy, .npz, .mat, .parquet, "
        ".zip, .tar, .tar.gz, .tgz, .tar.bz2, .tbz2, .tar.xz, .txz, .csv, .json, .tsv, .jsonl, or a folder of class "
        "folders."
    )


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("a.xlsx", "save the sheet as .csv"),
        ("a.7z", "unpack it"),
        ("a.pkl", "may run code"),
        ("a.txt", "each line"),
    ],
)
def test_a_kind_that_is_not_read_says_what_to_do(tmp_path, name, says):
    (tmp_path / name).write_text("1,2")
    assert said(tmp_path / name).startswith(f"{tmp_path / name} is of no kind that can be read: ")
    assert says in said(tmp_path / name)


def test_a_pattern_is_no_data(tmp_path):
    (tmp_path / "photos").mkdir()
    assert said(tmp_path / "photos" / "*").endswith(
        f"is a pattern, and data is one folder or file, whose folders are the classes. Name the folder itself: "
        f"{tmp_path / 'photos'}"
    )


@pytest.mark.parametrize("size", [0, -3, 1.5, "64"])
def test_size_must_be_pixels(size):
    assert said("digits", size) == f"image_size must be a whole number of pixels, at least 1; got {size!r}."


@pytest.mark.parametrize("name", ["signs", "cifar10"])
def test_root_must_be_a_folder(name, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    for wrong in (tmp_path / "nowhere", str(tmp_path / "file")):
        says = f"There is no folder {wrong} to search for data (`%s`). Name one that exists, or none."
        assert said(name, search_dir=wrong) == says % "search_dir"
        monkeypatch.setenv("RESIDUAL_DATA", str(wrong))
        assert said(name) == says % "RESIDUAL_DATA"
        monkeypatch.delenv("RESIDUAL_DATA")


def test_home_is_expanded(tmp_path, monkeypatch):
    write_signs(tmp_path / "mine")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert len(load_data("~/mine").train) == 12
    assert len(load_data("signs", search_dir="~/mine").train) == 12


def test_every_name_is_described():
    assert set(named.NAMES) == {"digits", "signs", "cifar10"}
