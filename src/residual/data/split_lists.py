"""Lists beside class folders that say which images are for training and which for testing: meta/train.txt, test.txt."""

import os
import re
from collections import defaultdict

from residual.data.folders import Listing
from residual.data.formats import get_suffix
from residual.data.images import SPLITS
from residual.data.words import parse_split

Classes = dict[str, list[str]]

_SUFFIXES = (".txt", ".csv", ".lst")
_MOST_LISTS = 12  # looked at
_ENOUGH = 0.95  # share of the lines that must name an image for a file to be a list of these images
_PATHS, _FLAGS = "images.txt", "train_test_split.txt"  # of CUB-200-2011 and NABirds


def find_split_lists(listing: Listing, classes: Classes) -> tuple[dict[str, Classes], str] | None:
    """The images of each class in each split, by lists of their names, and a note.

    Args:
        listing: all files.
        classes: the images of each class, which no folder assigns to a split.

    Returns:
        None if there are no lists for training and for another split, or they do not agree with the images.
    """
    texts = _list_texts(listing)
    if len(texts) < 2:
        return None
    index = {_shorten(name, listing.separator): name for images in classes.values() for name in images}
    found = _read_flags(listing, texts, index) or _read_lists(listing, texts, index)
    if found is None:
        return None
    split_of, files = found
    splits: dict[str, Classes] = {split: defaultdict(list) for split in SPLITS if split in split_of.values()}
    for label, images in classes.items():
        for name in images:
            if name in split_of:
                splits[split_of[name]][label].append(name)
    if set(splits["train"]) != set(classes):
        return None
    left = sum(map(len, classes.values())) - len(split_of)
    more = f"; {left:,} images are in none of them and are passed over" if left else ""
    return {split: dict(images) for split, images in splits.items()}, f"the splits are those in {files}{more}"


def _shorten(name: str, separator: str = "/") -> str:
    """ "apple_pie/1005649" of "images/apple_pie/1005649.jpg"."""
    return "/".join(os.path.splitext(name)[0].replace("\\", "/").replace(separator, "/").split("/")[-2:])


def _list_texts(listing: Listing) -> list[str]:
    """Files that may be lists, by their names."""
    return sorted(
        listing.join(folder, name)
        for folder in listing.top.walk()
        for name in folder.others
        if get_suffix(name) in _SUFFIXES
        and (name in (_PATHS, _FLAGS) or parse_split(os.path.splitext(name)[0])[0])
    )


def _read_lists(
    listing: Listing, texts: list[str], index: dict[str, str]
) -> tuple[dict[str, str], str] | None:
    by_split: dict[str, list[str]] = defaultdict(list)
    for name in texts:
        split = parse_split(os.path.splitext(re.split(r"[/\\]", name)[-1])[0])[0]
        if split:
            by_split[split].append(name)
    if "train" not in by_split or len(by_split) < 2 or sum(map(len, by_split.values())) > _MOST_LISTS:
        return None
    split_of: dict[str, str] = {}
    files = []
    for split in (split for split in SPLITS if split in by_split):
        held = [(file, names) for file in by_split[split] if (names := _read_names(listing, file, index))]
        if len(held) != 1:
            return None
        file, names = held[0]
        if any(name in split_of for name in names):
            return None
        split_of |= dict.fromkeys(names, split)
        files.append(file)
    return split_of, " and ".join(files)


def _read_names(listing: Listing, file: str, index: dict[str, str]) -> set[str]:
    """The images that a list names, one in each line; none if it does not name images of these."""
    lines = [line.strip() for line in (listing.read_text(file) or "").splitlines() if line.strip()]
    found = {index.get(_shorten(line), index.get(_shorten(_cut_label(line)), "")) for line in lines} - {""}
    return found if len(found) >= _ENOUGH * max(1, len(lines)) else set()


def _cut_label(line: str) -> str:
    """The path in a line that has a label behind it."""
    return re.split(r"[,\t;]|\s+(?=\S+$)", line)[0].strip("\"'")


def _read_flags(
    listing: Listing, texts: list[str], index: dict[str, str]
) -> tuple[dict[str, str], str] | None:
    """CUB's way: images.txt has a number and a path in each line, train_test_split.txt the number and 1 or 0."""
    files = {re.split(r"[/\\]", name)[-1]: name for name in texts}
    if _PATHS not in files or _FLAGS not in files:
        return None
    paths = _read_pairs(listing, files[_PATHS])
    flags = _read_pairs(listing, files[_FLAGS])
    split_of = {
        index[_shorten(path)]: "train" if flags[number] == "1" else "test"
        for number, path in paths.items()
        if _shorten(path) in index and flags.get(number) in ("0", "1")
    }
    if len(split_of) < _ENOUGH * len(index) or len(set(split_of.values())) < 2:
        return None
    return split_of, f"{files[_PATHS]} and {files[_FLAGS]}"


def _read_pairs(listing: Listing, file: str) -> dict[str, str]:
    rows = (line.split(None, 1) for line in (listing.read_text(file) or "").splitlines())
    return {row[0]: row[1].strip() for row in rows if len(row) == 2}
