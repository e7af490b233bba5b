"""Arrays in .npz files and images in Parquet tables."""

import json
from pathlib import Path

import numpy as np

from residual.data import cifar
from residual.data.folders import TEST_SHARE
from residual.data.images import Dataset, Images, checked, read_image
from residual.data.splits import stratified_split
from residual.errors import DataError


def load_npz(path: Path) -> Dataset:
    """An .npz with x_train, y_train, x_test, y_test, or with x and y (15% is set aside as the test set).

    An array `classes` gives the class names. Pickled arrays are refused.

    Raises:
        DataError: when the file is damaged or lacks an array.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
    except FileNotFoundError:
        raise DataError(f"There is no file {path}.") from None
    except Exception as error:  # zip, header and dtype errors alike
        raise DataError(f"{path} is not an .npz that can be read safely ({error}).") from None
    split = {"x_train", "y_train", "x_test", "y_test"} <= set(arrays)
    if not split and not {"x", "y"} <= set(arrays):
        raise DataError(
            f"{path} needs x_train, y_train, x_test and y_test, or x and y; it holds {', '.join(arrays) or 'nothing'}."
        )
    labels = np.concatenate([arrays["y_train"].ravel(), arrays["y_test"].ravel()]) if split else arrays["y"].ravel()
    classes = _classes(arrays.get("classes"), labels)
    if split:
        train = checked(arrays["x_train"], arrays["y_train"], len(classes), str(path))
        test = checked(arrays["x_test"], arrays["y_test"], len(classes), str(path))
        return Dataset(path.stem, train, test, classes, f"{len(train):,} and {len(test):,} images from {path}")
    return _set_aside(path.stem, checked(arrays["x"], arrays["y"], len(classes), str(path)), classes, str(path))


def _classes(names, labels: np.ndarray) -> tuple[str, ...]:
    if names is not None:
        return tuple(str(name) for name in names)
    if not labels.size or not np.issubdtype(labels.dtype, np.integer):
        return ("0",)  # `checked` says what is wrong with such labels
    return tuple(str(i) for i in range(int(labels.max()) + 1))


def _set_aside(name: str, images: Images, classes, where: str) -> Dataset:
    larger, smaller = stratified_split(images.y, TEST_SHARE, seed=0)
    source = f"{len(images):,} images from {where}; {len(smaller):,} of them set aside as the test set"
    return Dataset(name, images.take(larger), images.take(smaller), classes, source, made_test=True)


def find_parquet(folder: Path) -> tuple[Path, Path] | None:
    """train*.parquet and test*.parquet of a folder, or None where there is not exactly one of each."""
    parts = [sorted(folder.glob(f"{part}*.parquet")) for part in ("train", "test")]
    return (parts[0][0], parts[1][0]) if all(len(files) == 1 for files in parts) else None


def load_parquet(path: Path, size: int | None = None, name: str | None = None) -> Dataset:
    """A Parquet file, or a folder with train*.parquet and test*.parquet, in Hugging Face's image layout.

    One column holds {bytes, path} of an encoded image, another, `label`, whole numbers.

    Args:
        size: side to scale images to; None keeps their own, which must then be one and the same.

    Raises:
        DataError: when the column is missing, an image cannot be read, or pyarrow is not installed.
    """
    if path.is_file():
        images, classes = _read_parquet(path, size)
        return _set_aside(name or path.stem, images, classes, str(path))
    pair = find_parquet(path)
    if pair is None:
        raise DataError(f"{path} needs exactly one train*.parquet and one test*.parquet.")
    (train, classes), (test, test_classes) = (_read_parquet(file, size) for file in pair)
    classes = max(classes, test_classes, key=len)
    if len(classes) == 10 and "cifar" in str(path).lower() and classes[0] == "0":
        classes = cifar.CLASSES
    name = name or path.resolve().name
    source = f"{name} from {pair[0]} ({len(train):,} images) and {pair[1]} ({len(test):,} images)"
    return Dataset(name, train, test, classes, source)


def _read_parquet(path: Path, size: int | None) -> tuple[Images, tuple[str, ...]]:
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise DataError(f"Reading {path} needs pyarrow: pip install 'residual[parquet]'.") from None
    try:
        table = pq.read_table(path)
    except Exception as error:
        raise DataError(f"{path} is not a Parquet file that can be read ({str(error).splitlines()[0]}).") from None
    image, label = _columns(table, path)
    files = table[image].to_pylist()
    y = np.asarray(table[label].to_pylist())
    fit = None if size is None else (size, size)
    x = [read_image(file["bytes"], fit, f"{path} row {i}") for i, file in enumerate(files)]
    shapes = {image.shape for image in x}
    if len(shapes) > 1:
        raise DataError(f"{path} has images of {len(shapes)} sizes; give --size to scale them to one.")
    classes = _feature_names(table, label) or _classes(None, y)
    return checked(np.stack(x) if x else np.empty((0, 1, 1, 3), np.uint8), y, len(classes), str(path)), classes


def _columns(table, path: Path) -> tuple[str, str]:
    import pyarrow as pa

    images = [f.name for f in table.schema if pa.types.is_struct(f.type) and f.type.get_field_index("bytes") >= 0]
    labels = [name for name in ("label", "labels", "fine_label") if name in table.column_names]
    if not images or not labels:
        raise DataError(
            f"{path} needs an image column of {{bytes, path}} and a column label; "
            f"it has {', '.join(table.column_names)}."
        )
    return images[0], labels[0]


def _feature_names(table, label: str) -> tuple[str, ...]:
    """Class names that Hugging Face keeps in the schema, or () where there are none."""
    try:
        info = json.loads((table.schema.metadata or {})[b"huggingface"])
        return tuple(info["info"]["features"][label]["names"])
    except (KeyError, TypeError, ValueError):
        return ()
