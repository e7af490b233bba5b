"""Data sets for detection and segmentation, which have no class for a whole image: recognized and explained."""

import os
from collections import Counter

from residual.data.folders import Folder, Listing
from residual.data.formats import get_suffix
from residual.data.label_tables import label_of_name
from residual.data.words import find_task_role, split_words

_ADVICE = (
    "A classifier needs one class for each image: sort the images into one folder per class, or write a table of path "
    "and label."
)
# Words of folders into which a large set was cut.
_PARTS = frozenset(
    ("part", "parts", "batch", "chunk", "shard", "fold", "volume", "vol", "images", "imgs", "photos")
)
_ENOUGH = 0.5  # share of the images that have a file of the same name beside or opposite


def check_roles(listing: Listing, place: Folder) -> str:
    """Why the folders at a place are no classes: images in one, masks or labels in the others. "" if they may be."""
    names = sorted(place.with_images())
    stems = {tuple(word for word in split_words(name) if not word.isdecimal()) for name in names}
    if len(names) > 1 and len(stems) == 1 and _PARTS & set(*stems):
        return (
            f"{listing.locate(place)} is not obvious: {_join(names)} look like parts of one set and not like classes. "
            f"{_find_table(listing)}If they are classes: {listing.where}::label=folder"
        )
    roles = [find_task_role(name) for name in names]
    if len(names) < 2 or None in roles or "targets" not in roles:
        return ""
    pictures = [name for name, role in zip(names, roles, strict=True) if role == "pictures"]
    others = [name for name in names if name not in pictures]
    return (
        f"{listing.locate(place)} is laid out for segmentation: {_join(others)} "
        f"{'belongs' if len(others) == 1 else 'belong'} to the images in {_join(pictures) or 'other folders'} and "
        f"{'is no class' if len(others) == 1 else 'are no classes'}. {_ADVICE}"
        f"{_find_names(listing, place, pictures)} If they are classes: {listing.where}::label=folder"
    )


def _find_names(listing: Listing, place: Folder, pictures: list[str]) -> str:
    """That the names of the images begin with classes; "" if they do not."""
    if len(pictures) != 1 or place.path:
        return ""
    counts = Counter(map(label_of_name, listing.list_images(place.folders[pictures[0]])))
    if "" in counts or not 1 < len(counts) <= sum(counts.values()) // 2:
        return ""
    names = " and ".join(sorted(counts)[:3])
    return (
        f" The names of the images begin with {names}: {listing.where}::train={pictures[0]},label=name takes these for "
        "the classes."
    )


def explain_task(listing: Listing, place: Folder) -> str:
    """What the files beside the images of a place without class folders are; "" if they say nothing."""
    top = listing.top
    counts = _count_stems(top)
    images = counts.pop("image", set())
    others = [listing.join(folder, name) for folder in top.walk() for name in folder.others]
    for name in others:
        base = os.path.basename(name).lower()
        if get_suffix(base) == ".json" and any(word in base for word in ("coco", "instances", "annotation")):
            return (
                f"{listing.locate(place)} is laid out as COCO's detection data are: {name} has the labels. "
                f"If it has one category for each image, name it as the data{_unpack(listing)}. {_ADVICE}"
            )
    for suffix, kind in ((".txt", "YOLO"), (".xml", "Pascal VOC")):
        shared = images & counts.get(suffix, set())
        if images and len(shared) >= _ENOUGH * len(images):
            example = next(name for name in others if get_suffix(name) == suffix and _stem(name) in shared)
            return (
                f"{listing.locate(place)} is laid out for object detection ({kind}): {example} has the boxes of one "
                f"image, and there are {len(shared):,} such files. {_ADVICE}"
            )
    return ""


def _find_table(listing: Listing) -> str:
    """What to do with a table beside the folders; "" without one."""
    tables = [name for name in listing.top.others if get_suffix(name) in (".csv", ".tsv", ".jsonl", ".json")]
    if not tables:
        return "If a table says which image has which label, name the table as the data. "
    return f"If {tables[0]} says which image has which label, name it as the data. "


def _unpack(listing: Listing) -> str:
    return " (unpack the archive first)" if os.path.isfile(listing.where) else ""


def _count_stems(top: Folder) -> dict[str, set[str]]:
    """The names without ending of all images, and of the other files by their ending."""
    stems: dict[str, set[str]] = {"image": set()}
    for folder in top.walk():
        stems["image"].update(map(_stem, folder.images))
        for name in folder.others:
            stems.setdefault(get_suffix(name), set()).add(_stem(name))
    return stems


def _stem(name: str) -> str:
    return os.path.splitext(os.path.basename(name))[0]


def _join(names: list[str]) -> str:
    return " and ".join(names[:4])
