"""Where the training, validation and test images of a tree of folders are."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from residual.data.folders import Folder, Listing
from residual.data.images import SPLITS
from residual.data.words import find_split, parse_split
from residual.errors import DataError


@dataclass
class Places:
    """Where each split is.

    Attributes:
        folders: of each split; "train" is there in any case.
        by_class: instead of `folders`, if each class folder holds folders of the splits: split -> class -> folders.
        notes: how what was not obvious was read.
    """

    folders: dict[str, Folder] = field(default_factory=dict)
    by_class: dict[str, dict[str, list[Folder]]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def find_splits(listing: Listing, options: Mapping[str, str]) -> Places:
    """The folders of each split; all is "train" if there are none.

    Args:
        listing: all files.
        options: names of folders by split, and "label", of which "folder" says that no folder is a split.

    Raises:
        DataError: if a folder is named and not there, or what a folder means is not obvious.
    """
    top = _enter(listing.top)
    named = {split: _find_named(listing, top, options[split]) for split in SPLITS if split in options}
    if options.get("label") == "folder" and not named:
        return Places({"train": top})
    places = _find_by_words(listing, top, named)
    if named:
        rest = {split: folder for split, folder in places.folders.items() if folder not in named.values()}
        places.folders = {**rest, **named}
        if "train" not in places.folders or places.folders["train"] is top:
            places.folders["train"] = _leave_out(top, named.values())
    places.folders = {split: _enter(folder) for split, folder in places.folders.items()}
    return places


def _enter(folder: Folder) -> Folder:
    """The folder, or the only one inside that holds everything: training_set/training_set/cats."""
    while not folder.images:
        inner = folder.with_images()
        only = next(iter(inner.values())) if len(inner) == 1 else None
        if only is None or not only.with_images() or any(map(_is_empty, folder.folders.values())):
            return folder
        folder = only
    return folder


def _is_empty(folder: Folder) -> bool:
    """Whether a folder has no file at all: it may be a class that waits for its images."""
    return not folder.count and not any(inner.others for inner in folder.walk())


def _find_named(listing: Listing, top: Folder, name: str) -> Folder:
    folder = top
    for part in name.replace("\\", "/").strip("/").split("/"):
        if part not in folder.folders:
            held = ", ".join(sorted(folder.folders)) or "no folders"
            raise DataError(f"{listing.locate(folder)} has no folder {part}; it has {held}.")
        folder = folder.folders[part]
    return folder


def _leave_out(top: Folder, named) -> Folder:
    """The top without the folders that are other splits."""
    rest = Folder(top.path)
    rest.folders = {name: folder for name, folder in top.folders.items() if folder not in named}
    rest.images, rest.others = top.images, top.others
    rest.count = len(rest.images) + sum(folder.count for folder in rest.folders.values())
    return rest


def _find_by_words(listing: Listing, top: Folder, named: Mapping[str, Folder]) -> Places:
    groups: dict[tuple[str, ...], dict[str, list[Folder]]] = defaultdict(lambda: defaultdict(list))
    for name in sorted(top.folders):
        split, rest = parse_split(name)
        if split and top.folders[name] not in named.values():
            groups[rest][split].append(top.folders[name])
    group = _choose_group(groups)
    if group is None:
        by_class = _find_below_classes(listing, top) if not named else {}
        if by_class:
            return Places({}, by_class, ["the splits are folders inside each class"])
        return _find_test_beside_classes(listing, top, groups.get((), {}), named)
    others = {folder.name for held in groups.values() for found in held.values() for folder in found}
    chosen = {split: _choose_folder(listing, split, folders) for split, folders in group.items()}
    train = chosen["train"]
    classes = [name for name in top.with_images() if name not in others]
    # "train" beside "bus" and "car" is a class, with images directly inside.
    if classes and not train.with_images():
        return Places({"train": top})
    notes = []
    for split, folder in chosen.items():
        if find_split(folder.name) and folder.name.lower() in (split, "val", "valid", "validation"):
            continue
        notes.append(f"{folder.name} holds the {split} images, by its name")
    return Places(chosen, {}, notes)


def _choose_group(
    groups: Mapping[tuple[str, ...], dict[str, list[Folder]]],
) -> dict[str, list[Folder]] | None:
    """The folders whose names differ by the split alone: {"seg_train", "seg_test"} rather than {"train_masks"}."""
    whole = [rest for rest, group in groups.items() if "train" in group and len(group) > 1]
    if () in whole or len(whole) == 1:
        return groups[() if () in whole else whole[0]]
    alone = groups.get((), {})
    other = _find_only_other(groups) if set(alone) == {"train"} else None
    if other:
        return {**alone, **other}
    if "train" in alone and alone["train"][0].with_images():
        return alone
    # "train" and "test_images_final2" alone
    splits: dict[str, list[Folder]] = defaultdict(list)
    for group in groups.values():
        for split, folders in group.items():
            splits[split] += folders
    bare = "train" in alone and len(splits) > 1 and all(len(folders) == 1 for folders in splits.values())
    return dict(splits) if bare else None


def _find_only_other(
    groups: Mapping[tuple[str, ...], dict[str, list[Folder]]],
) -> dict[str, list[Folder]] | None:
    """The one folder of each other split, if it has classes of the training folder: "train" and "test-a"."""
    train = groups[()]["train"]
    classes = set(_enter(train[0]).with_images())
    found: dict[str, list[Folder]] = defaultdict(list)
    for rest, group in groups.items():
        for split, folders in group.items() if rest else ():
            found[split] += [folder for folder in folders if classes & set(_enter(folder).with_images())]
    is_clear = len(train) == 1 and found and all(len(folders) == 1 for folders in found.values())
    return dict(found) if is_clear and "train" not in found else None


def _choose_folder(listing: Listing, split: str, folders: list[Folder]) -> Folder:
    """The only folder of a split that has images, or the one that is called by its usual name."""
    filled = [folder for folder in folders if folder.count] or folders
    exact = [folder for folder in filled if folder.name.lower() in (split, "val", "valid", "training")]
    if len(filled) > 1 and len(exact) != 1:
        names = " and ".join(folder.name for folder in filled)
        raise DataError(
            f"{listing.where} is not obvious: {names} are both called {split} images. Name the one to use: "
            f"{listing.where}::{split}={filled[0].name}"
        )
    return (exact if len(filled) > 1 else filled)[0]


def _find_below_classes(listing: Listing, top: Folder) -> dict[str, dict[str, list[Folder]]]:
    """cats/train, cats/test, dogs/train, dogs/test; {} if any class folder is not like that."""
    found: dict[str, dict[str, list[Folder]]] = defaultdict(lambda: defaultdict(list))
    classes = top.with_images()
    for name, folder in classes.items():
        inner = folder.with_images()
        splits = {part: find_split(part) for part in inner}
        if folder.images or "train" not in splits.values() or None in splits.values():
            return {}
        for part, split in splits.items():
            found[split or ""][name].append(inner[part])
    if len(classes) < 2:
        return {}
    held = [
        set(folder.with_images())
        for split in found.values()
        for folders in split.values()
        for folder in folders
    ]
    shared = set.intersection(*held)
    if len(shared) > 1:
        names = " and ".join(sorted(classes)[:4])
        raise DataError(
            f"{listing.locate(top)} is not obvious: {names} each have folders of splits, which hold the same folders: "
            f"{', '.join(sorted(shared)[:5])}. Name one of them as the data, or join their splits. "
            f"{listing.where}::label=parent takes the inner folders for the classes and all images together, "
            f"{listing.where}::label=folder the outer ones."
        )
    return dict(found)


def _find_test_beside_classes(
    listing: Listing, top: Folder, words: Mapping[str, list[Folder]], named: Mapping[str, Folder]
) -> Places:
    """cats, dogs and test/cats, test/dogs: the class folders are the training images."""
    found = {split: folders[0] for split, folders in words.items() if split != "train" and folders[0].count}
    if not found or named:
        return Places({"train": top})
    rest = _leave_out(top, found.values())
    classes = set(rest.with_images())
    for split, folder in found.items():
        inner = set(_enter(folder).with_images())
        if not inner & classes:
            if len(classes) < 1:
                raise DataError(
                    f"{listing.locate(top)} has {split} images in {folder.name}, but no folder train to "
                    "learn from; it has "
                    f"{', '.join(sorted(top.folders))}. Name it: {listing.where}::train=FOLDER"
                )
            raise DataError(
                f"{listing.locate(top)} is not obvious: {folder.name} stands beside "
                f"{', '.join(sorted(classes)[:5])}. If it "
                f"is a class: {listing.where}::label=folder; if it holds {split} images of these classes, "
                "give it a folder "
                "for each; else move it away."
            )
    return Places(
        {"train": rest, **found},
        {},
        [f"{folder.name} holds the {split} images" for split, folder in found.items()],
    )
