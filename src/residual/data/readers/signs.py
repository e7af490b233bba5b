"""HDF5 pairs laid out as the SIGNS files: train_set_x, train_set_y, test_set_x, test_set_y, list_classes."""

from collections.abc import Iterable
from pathlib import Path

from residual.data.arrays import Arrays, make_source
from residual.data.hdf5_file import SUFFIXES, open_hdf5, read_array
from residual.data.location import Location
from residual.data.source import ArraySource
from residual.errors import DataError

_LOOKED_AT = 20  # files of a folder


class SignsReader:
    """Reads a pair of files, by their folder or by either of them, or one file that holds both splits."""

    name = "signs"
    label = "a pair of HDF5 files laid out as SIGNS"
    suffixes: tuple[str, ...] = SUFFIXES
    options: frozenset[str] = frozenset()

    def matches(self, location: Location) -> bool:
        """Whether a folder has HDF5 files, or a file has an array of such a pair or is called as a pair is."""
        if location.is_folder():
            return any(map(_has_keys, _list_files(location.file)[:_LOOKED_AT]))
        if location.options or not location.is_file(*SUFFIXES) or location.kind not in ("", "hdf5"):
            return False
        pair = _find_pair(location.file.parent)
        return any(map(_has_keys, pair if location.file in pair else (location.file,)))

    def open(self, location: Location) -> ArraySource:
        """The images of a pair.

        Raises:
            DataError: if there is not exactly one file of each, or one is not HDF5, is damaged or lacks an array.
        """
        path = location.file
        if location.name:  # other pairs may lie beside these two
            return self._read_pair(path / "train_signs.h5", path / "test_signs.h5", location.name)
        if not path.is_dir():
            return self._read_file(path)
        pair = _find_pair(path)
        if not pair:
            names = ", ".join(sorted(file.name for file in _list_files(path)))
            raise DataError(f"{path} needs exactly one train*.h5 and one test*.h5; it holds {names}.")
        return self._read_pair(*pair, path.resolve().name)

    def _read_file(self, path: Path) -> ArraySource:
        """The pair of one path: a file that holds both splits, or one of two files side by side."""
        with open_hdf5(path) as file:
            keys = set(file)
        if {"train_set_x", "test_set_x"} <= keys:
            return self._read_pair(path, path, path.stem)
        pair = _find_pair(path.parent)
        if path not in pair:  # a third file beside a pair must not be answered with the pair
            raise DataError(
                f"{path} has no partner: one file must hold train_set_x, train_set_y, test_set_x and "
                f"test_set_y, or train*.h5 and test*.h5 must stand side by side. It holds {_join(keys)}."
            )
        return self._read_pair(*pair, path.resolve().parent.name or path.stem)

    def _read_pair(self, train: Path, test: Path, name: str) -> ArraySource:
        return make_source(
            name, self.label, {"train": _read_split(train, "train"), "test": _read_split(test, "test")}
        )


def _list_files(folder: Path) -> list[Path]:
    """The HDF5 files directly inside a folder."""
    return [file for suffix in SUFFIXES for file in folder.glob(f"*{suffix}")]


def _has_keys(path: Path) -> bool:
    """Whether a file has the arrays of SIGNS, or cannot be opened, which reading it says."""
    try:
        with open_hdf5(path) as file:
            return bool(set(file) & {"train_set_x", "test_set_x"})
    except DataError:
        return True


def _find_pair(folder: Path) -> tuple[Path, ...]:
    """The files train*.h5 and test*.h5 of a folder, or () if there is not exactly one of each."""
    found = []
    for split in ("train", "test"):
        files = [file for suffix in SUFFIXES for file in folder.glob(f"{split}*{suffix}")]
        if len(files) != 1:
            return ()
        found.append(files[0])
    return tuple(found)


def _read_split(path: Path, split: str) -> Arrays:
    import h5py

    keys = (f"{split}_set_x", f"{split}_set_y")
    with open_hdf5(path) as file:
        # Not `get`: of a damaged array it would say that there is none.
        missing = [key for key in keys if key not in file or not isinstance(file[key], h5py.Dataset)]
        if missing:
            raise DataError(f"{path} lacks the array {' and '.join(missing)}; it holds {_join(file)}.")
        x, y = (read_array(file, key, path) for key in keys)
        names = read_array(file, "list_classes", path).ravel() if "list_classes" in file else ()
    return Arrays(x, y, str(path), tuple(_to_text(value) for value in names))


def _join(keys: Iterable[str | bytes]) -> str:
    """Names of arrays for the user; h5py gives those that are no UTF-8 as bytes."""
    return ", ".join(sorted(map(_to_text, keys))) or "nothing"


def _to_text(value) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
