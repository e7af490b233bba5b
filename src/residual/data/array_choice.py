"""Which arrays of a file are the images and which their labels: by names, by shapes, or named by the user."""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from residual.data.arrays import Arrays
from residual.data.words import IMAGE_ARRAYS, LABEL_ARRAYS, find_role
from residual.errors import DataError

Kind = tuple[np.dtype, tuple[int, ...]]
_PREFIX = {"train": "", "validation": "validation_", "test": "test_"}
ROLES = (*(f"{prefix}{role}" for prefix in _PREFIX.values() for role in ("images", "labels")), "classes")
OPTIONS = frozenset((*ROLES, "white"))
_CLASS_NAMES = ("classes", "class_names", "list_classes", "label_names", "names", "classnames")


def choose_arrays(
    path: Path,
    options: Mapping[str, str],
    held: Mapping[str, Kind],
    read: Callable[[list[str]], dict[str, np.ndarray]],
) -> dict[str, Arrays]:
    """The arrays of each split of a file.

    Args:
        path: the file, for errors.
        options: names of arrays by role: "images" and "labels", "test_images" and "test_labels", "validation_images"
            and "validation_labels", "classes" for the names of the classes. {} finds them: by names such as x_train,
            train_images, X and y, or the only pair in the file that looks like images and labels.
        held: type and shape of every array in the file.
        read: gives arrays by their names.

    Raises:
        DataError: if an array is missing, or what is meant is not obvious; the message lists what there is.
    """
    asked = {role: name for role, name in options.items() if role in ROLES}
    if asked:
        by_names, chosen, classes = {}, _check_asked(path, asked, held), asked.get("classes")
    else:
        by_names = _find_by_names(path, held)
        chosen = by_names or {"train": _find_only_pair(path, held)}
        classes = next((name for name in _CLASS_NAMES if name in held), None)
    names = [name for pair in chosen.values() for name in pair]
    arrays = read(names + [classes] * (classes is not None))
    texts = tuple(to_text(value) for value in np.ravel(arrays[classes])) if classes else ()
    unread = () if asked else tuple(to_text(name) for name in held if name not in (*names, classes))
    return {
        split: Arrays(
            arrays[x], arrays[y], str(path) if by_names else f"{path} ({to_text(x)})", texts, unread
        )
        for split, (x, y) in chosen.items()
    }


def _check_asked(
    path: Path, names: Mapping[str, str], held: Mapping[str, Kind]
) -> dict[str, tuple[str, str]]:
    chosen = {}
    for split, prefix in _PREFIX.items():
        roles = [f"{prefix}images", f"{prefix}labels"]
        lacking = [role for role in roles if role not in names]
        if len(lacking) == 1 or (lacking and split == "train"):
            raise DataError(f"{path}: say also which array has the {lacking[0]}: {lacking[0]}=NAME.")
        if not lacking:
            chosen[split] = (names[roles[0]], names[roles[1]])
    missing = [name for name in names.values() if name not in held]
    if missing:
        raise DataError(f"{path} has no array {missing[0]}; it holds {_join(held)}.")
    return chosen


def _count_labels(shape: tuple[int, ...]) -> int:
    """How many images labels of this shape are for; 0 if they are none."""
    shape = tuple(length for i, length in enumerate(shape) if i == 0 or length > 1)
    if len(shape) == 2 and min(shape) > 1:  # one-hot
        return shape[0] if shape[1] < 10_000 else 0
    return max(shape, default=0) if 1 <= len(shape) <= 2 else 0


def _fits(images: Kind, labels: Kind, flat: bool) -> bool:
    """Whether one array can be the images of which the other has the labels."""
    (dtype, shape), (label_dtype, label_shape) = images, labels
    count = _count_labels(label_shape)
    if dtype.kind not in "biuf" or label_dtype.kind not in "biufUSO" or not count:
        return False
    if len(shape) == 2:
        return flat and shape[0] == count and math.isqrt(shape[1]) ** 2 == shape[1] > 16
    if len(shape) == 3:
        return count in (shape[0], shape[2])
    channels = [shape[i] in (1, 3, 4) for i in (1, 2, 3)] if len(shape) == 4 else []
    if len(shape) == 4 and shape[1] == 4 and shape[2] != shape[3]:
        channels[0] = False
    return len(shape) == 4 and (
        (shape[0] == count and (channels[2] or channels[0])) or (shape[3] == count and channels[1])
    )


def _find_by_names(path: Path, held: Mapping[str, Kind]) -> dict[str, tuple[str, str]]:
    """The arrays of each split by their names; {} if they do not say it."""
    roles = {"images": IMAGE_ARRAYS, "labels": LABEL_ARRAYS}
    found: dict[str | None, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for name in held:
        split, role = find_role(str(name), roles)
        if role:
            found[split][role].append(name)
    chosen, doubtful = {}, []
    for split, names in found.items():
        pairs = [
            (x, y) for x in names["images"] for y in names["labels"] if _fits(held[x], held[y], flat=True)
        ]
        if len(pairs) == 1:
            chosen[split] = pairs[0]
        elif pairs or (names["images"] and names["labels"] and split):
            doubtful += names["images"] + names["labels"]
    if None in chosen and "train" in chosen:
        del chosen[None]
    if None in chosen:
        chosen["train"] = chosen.pop(None)
    if "train" not in chosen:
        return {}
    if doubtful:
        raise DataError(
            f"{path} holds {_join(held)}: which of {', '.join(doubtful)} belong together is not obvious. "
            f"{_ask(path)}"
        )
    return {split: pair for split, pair in chosen.items() if split}


def _find_only_pair(path: Path, held: Mapping[str, Kind]) -> tuple[str, str]:
    pairs = [
        (x, y)
        for x, images in held.items()
        for y, labels in held.items()
        if x != y and len(images[1]) > 2 and len(labels[1]) <= 2 and labels[0].kind in "biu"
        if _fits(images, labels, flat=False)
    ]
    if len(pairs) != 1:
        raise DataError(
            f"{path} holds {_join(held)}: which are the images and which their labels is not obvious. "
            f"{_ask(path)}"
        )
    return pairs[0]


def _ask(path: Path) -> str:
    return f"Name them: {path}::images=NAME,labels=NAME (and test_images, test_labels, classes)."


def _join(held: Mapping) -> str:
    """Names of arrays for an error, with their shapes."""
    # h5py gives names that are no UTF-8 as bytes.
    names = sorted(
        f"{to_text(name)} ({' x '.join(map(str, shape)) or 1})" for name, (_, shape) in held.items()
    )
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "") or "nothing"


def to_text(value) -> str:
    """A name, of bytes too."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
