"""Arrays in .npz files and images in Parquet tables."""

import json
import zipfile
from pathlib import Path

import numpy as np

from residual.data import cifar
from residual.data.arrays import Arrays, to_dataset
from residual.data.images import Dataset, read_image
from residual.errors import DataError

_ONE_PAIR = ("x_train", "y_train", "x_test", "y_test")


def load_npz(path: Path) -> Dataset:
    """An .npz with x_train, y_train, x_test, y_test, or with x and y (15% is set aside as the test set).

    An array `classes` gives the class names. Pickled arrays are refused.

    Raises:
        DataError: when the file is damaged or lacks an array.
    """
    arrays = read_npz(path)
    names = tuple(str(name) for name in np.ravel(arrays.get("classes", ())))
    if all(key in arrays for key in _ONE_PAIR):
        x, y, x_test, y_test = (arrays[key] for key in _ONE_PAIR)
        return to_dataset(path.stem, Arrays(x, y, str(path), names), Arrays(x_test, y_test, str(path), names))
    if "x" in arrays and "y" in arrays:
        return to_dataset(path.stem, Arrays(arrays["x"], arrays["y"], str(path), names))
    held = ", ".join(arrays) or "nothing"
    raise DataError(f"{path} needs x_train, y_train, x_test and y_test, or x and y; it holds {held}.")


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Every array of an .npz by its name; DataError where it cannot be read without unpickling."""
    # Without this look np.load would take any .npy or pickle for what its suffix says it is not.
    if not zipfile.is_zipfile(path):
        raise DataError(f"{path} is not an .npz: it is no zip archive. Write it with numpy.savez.")
    try:
        with np.load(path, allow_pickle=False) as file:
            return {key: file[key] for key in file.files}
    except Exception as error:  # zip, header and dtype errors alike
        raise DataError(
            f"{path} is not an .npz that can be read safely ({error}). Write plain arrays with numpy.savez."
        ) from None


def holds_parquet(folder: Path) -> bool:
    """Whether a folder has Parquet files directly inside."""
    return any(True for _ in folder.glob("*.parquet"))


def find_parquet(folder: Path) -> tuple[Path, Path] | None:
    """train*.parquet and test*.parquet of a folder, or None where there is not exactly one of each."""
    parts = [sorted(folder.glob(f"{part}*.parquet")) for part in ("train", "test")]
    return (parts[0][0], parts[1][0]) if all(len(files) == 1 for files in parts) else None


def load_parquet(path: Path, size: int | None = None) -> Dataset:
    """A Parquet file, or a folder with train*.parquet and test*.parquet, in Hugging Face's image layout.

    One column holds {bytes, path} of an encoded image, another, `label`, whole numbers. Class names are
    read from the schema; a file in a folder called cifar10 that has none gets those of CIFAR-10.

    Args:
        path: the file or the folder.
        size: side to scale images to; None keeps their own, which must then be one and the same.

    Raises:
        DataError: when the column is missing, an image cannot be read, or pyarrow is not installed.
    """
    if path.is_file():
        return to_dataset(path.stem, _read_parquet(path, size))
    pair = find_parquet(path)
    if pair is None:
        names = ", ".join(sorted(file.name for file in path.glob("*.parquet")))
        raise DataError(
            f"{path} needs exactly one train*.parquet and one test*.parquet; it holds {names or 'none'}. "
            "Join the pieces, or give one file."
        )
    return to_dataset(path.resolve().name, *(_read_parquet(file, size) for file in pair))


def _read_parquet(path: Path, size: int | None) -> Arrays:
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise DataError(f"Reading {path} needs pyarrow: pip install 'residual[parquet]'.") from None
    try:
        table = pq.ParquetFile(path).read()
    except Exception as error:  # ArrowInvalid, OSError, ...
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(
            f"{path} is not a Parquet file that can be read ({reason}). Download it again."
        ) from None
    image, label = _columns(table, path)
    x = _decode(table[image].to_pylist(), path, size)
    y = np.asarray(table[label].to_pylist())
    names = _feature_names(table, label) or (cifar.CLASSES if cifar.is_named(path.parent) else ())
    return Arrays(x, y, str(path), names)


def _decode(files: list[dict | None], path: Path, size: int | None) -> np.ndarray:
    fit = None if size is None else (size, size)
    images = []
    for i, file in enumerate(files):
        if file is None or file["bytes"] is None:
            raise DataError(f"{path} row {i} holds no image: every row needs the bytes of an image file.")
        images.append(read_image(file["bytes"], fit, f"{path} row {i}"))
    shapes = {image.shape for image in images}
    if len(shapes) > 1:
        raise DataError(f"{path} has images of {len(shapes)} sizes; give --size to scale them to one.")
    return np.stack(images) if images else np.empty((0, 1, 1, 3), np.uint8)


def _columns(table, path: Path) -> tuple[str, str]:
    import pyarrow as pa

    images = [
        f.name for f in table.schema if pa.types.is_struct(f.type) and f.type.get_field_index("bytes") >= 0
    ]
    labels = [name for name in ("label", "labels", "fine_label") if name in table.column_names]
    if not images or not labels:
        raise DataError(
            f"{path} needs an image column of {{bytes, path}} and a column label; "
            f"it has {', '.join(table.column_names) or 'none'}."
        )
    return images[0], labels[0]


def _feature_names(table, label: str) -> tuple[str, ...]:
    """Class names that Hugging Face keeps in the schema, or () where there are none."""
    try:
        names = json.loads((table.schema.metadata or {})[b"huggingface"])["info"]["features"][label]["names"]
    except (KeyError, TypeError, ValueError):
        return ()
    return tuple(str(name) for name in names) if isinstance(names, list) else ()
