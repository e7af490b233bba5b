"""From the raw arrays of a file to a source: what HDF5, .npz, .npy, MNIST's, SVHN's and CIFAR's files share."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from residual.data.columns import Numbered, fill_splits
from residual.data.images import SPLITS, Images
from residual.data.labels import flatten_labels, index_labels
from residual.data.passed_over import PassedOver
from residual.data.pixel_store import Pixels
from residual.data.pixels import arrange_axes, find_white, to_bytes, to_rgb
from residual.data.source import ArraySource
from residual.errors import DataError


@dataclass(frozen=True, eq=False)
class Arrays:
    """What one file holds of one split, unchecked.

    Attributes:
        x: images, as `pixels.arrange_axes` takes them.
        y: labels, as `labels.flatten_labels` takes them.
        where: the file, for errors.
        names: class names, () if the file has none.
        unread: what else is in the file.
    """

    x: Pixels
    y: np.ndarray
    where: str
    names: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


def make_source(name: str, layout: str, parts: Mapping[str, Arrays], white: str | None = None) -> ArraySource:
    """A source of raw arrays.

    Args:
        name: short name.
        layout: what kind of source it is.
        parts: arrays of each split; "train" is there in any case.
        white: the value of a white pixel, as the user says it; None finds it out.

    Raises:
        DataError: if images or labels do not fit each other or the class names.
    """
    parts = {split: parts[split] for split in SPLITS if split in parts}
    where = " and ".join(dict.fromkeys(part.where for part in parts.values()))
    names = agree_on_names((part.where, part.names) for part in parts.values())
    pixels, labels, notes = {}, [], []
    for split, part in parts.items():
        pixels[split], labels_of_part, note = _fit_together(part)
        labels.append(labels_of_part)
        notes.append(note)
    value, note = find_white(pixels, white, where)
    classes, indices, more = index_labels(labels, names, [part.where for part in parts.values()])
    images = {
        split: Images(to_rgb(to_bytes(pixels[split], value)), y)
        for split, y in zip(pixels, indices, strict=True)
    }
    counted = [f"{part.where} ({len(images[split]):,} images)" for split, part in parts.items()]
    return hold_images(
        images,
        name=name,
        layout=layout,
        where=where,
        classes=classes,
        passed_over=tuple(
            PassedOver(name, "an array that is neither images nor labels of a split")
            for name in dict.fromkeys(name for part in parts.values() for name in part.unread)
        ),
        notes=tuple(dict.fromkeys(text for text in (*notes, note, *more) if text)),
        description=f"{len(images['train']):,} images from {parts['train'].where}"
        if set(parts) == {"train"}
        else f"{name} from {' and '.join(counted)}",
    )


def _fit_together(part: Arrays) -> tuple[Pixels, np.ndarray, str]:
    """Images with their axes in order, flat labels, and a note."""
    x = part.x if isinstance(part.x, Pixels) else np.asarray(part.x)
    y = np.asarray(part.y)
    if x.size == 0:
        raise DataError(f"{part.where}: there are no images.")
    x, note = arrange_axes(x, max(y.shape, default=0), part.where)
    return x, flatten_labels(y, len(x), part.where), note


def hold_images(images: dict[str, Images], **facts) -> ArraySource:
    """A source of images that lie in memory.

    Args:
        images: of each split.
        facts: name, layout, where, classes, description and notes of the source.
    """
    images = {split: images[split] for split in SPLITS if split in images}
    counts = {split: len(part) for split, part in images.items()}
    return ArraySource(
        pixels={split: part.x for split, part in images.items()},
        names=Numbered([(f"{split}[", "]") for split in images], list(counts.values())),
        labels=np.concatenate([part.y for part in images.values()]),
        splits=fill_splits(counts),
        names_classes=True,
        **facts,
    )


def agree_on_names(given: Iterable[tuple[str, tuple[str, ...]]]) -> tuple[str, ...]:
    """The class names that files give, () if none does.

    Args:
        given: (file, class names or ()).

    Raises:
        DataError: if two files give different ones, or a name stands twice.
    """
    first, names = "", ()
    for where, others in given:
        if names and others and others != names:
            raise DataError(
                f"{first} and {where} name different classes: {', '.join(names)} and "
                f"{', '.join(others)}. Both must give the same names in the same order."
            )
        if others and not names:
            first, names = where, others
    if len(set(names)) < len(names):
        raise DataError(f"{first} names a class twice: {', '.join(names)}. Every name may stand once.")
    return names
