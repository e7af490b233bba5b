"""What the words of a source mean: which split "valid" is, and the order of class names."""

from collections.abc import Iterable

SPELLINGS = {"train": ("train", "training"), "validation": ("val", "valid", "validation"), "test": ("test",)}


def find_split(word: str) -> str | None:
    """The split that the name of a folder, a file or a column stands for, or None; capitals do not matter."""
    return next((split for split, words in SPELLINGS.items() if word.strip().lower() in words), None)


def assign_splits(splits: Iterable[str]) -> dict[str, str]:
    """What each split of a source is used as: "validation" without "test" is the test set.

    Args:
        splits: those that the source has.
    """
    given = set(splits)
    if "validation" in given and "test" not in given:
        return {split: "test" if split == "validation" else split for split in given}
    return {split: split for split in given}


def order_classes(names: Iterable[str]) -> tuple[str, ...]:
    """Class names sorted, numbers by value and before words."""
    # Not isdigit: "²" is a digit that int() does not take.
    return tuple(
        sorted(
            set(names), key=lambda name: (not name.isdecimal(), int(name) if name.isdecimal() else 0, name)
        )
    )
