"""Which Parquet files a folder has, and of which split each is: beside each other, or as in a checkout from a hub."""

import itertools
import os
import re
from pathlib import Path

from residual.data.words import parse_split
from residual.errors import DataError

_DEEPEST = 3  # folders below a checkout in which files lie: default/train/0000.parquet
_MOST_FILES, _LOOKED_AT, _FOLDERS = 10_000, 50, 10


def find_files(folder: Path) -> list[Path]:
    """Parquet files directly inside a folder, or if there are none, up to three folders further down."""
    inside = sorted(folder.glob("*.parquet"))
    if inside:
        return inside
    found: list[Path] = []
    for depth in range(1, _DEEPEST + 1):
        files = sorted(itertools.islice(folder.glob("*/" * depth + "*.parquet"), _MOST_FILES))
        found += [
            file for file in files if not any(part.startswith(".") for part in file.relative_to(folder).parts)
        ]
    return found


def has_files(folder: Path, depth: int = _DEEPEST) -> bool:
    """Whether there are Parquet files, by a look at some names of each folder: class folders may hold millions."""
    try:
        with os.scandir(folder) as found:
            entries = list(itertools.islice(found, _LOOKED_AT))
    except OSError:
        return False
    if any(entry.name.endswith(".parquet") for entry in entries):
        return True
    inner = (
        [entry.path for entry in entries if not entry.name.startswith(".") and entry.is_dir()]
        if depth
        else []
    )
    return any(has_files(Path(path), depth - 1) for path in inner[:_FOLDERS])


def list_files(path: Path, config: str | None) -> dict[str, list[Path]]:
    """The files of every split."""
    if path.is_file():
        return {"train": [path]}
    files = find_files(path)
    configs = sorted({_find_config(file, path) for file in files} - {""})
    if config is not None:
        files = [file for file in files if _find_config(file, path) == config]
    if not files or (config is None and len(configs) > 1):
        raise DataError(
            f"{path} has several data sets: {', '.join(configs) or 'none'}. Name one: "
            f"{path}::config={(configs or ['NAME'])[0]}"
        )
    found: dict[str, list[Path]] = {}
    for file in files:
        split = _find_split(file, path)
        if split:
            found.setdefault(split, []).append(file)
    if not found or set(found) == {"train"}:
        return {"train": files}
    if "train" not in found:
        names = ", ".join(file.name for file in files)
        raise DataError(
            f"{path} has {' and '.join(found)} images, but no train*.parquet to learn from; it holds {names}."
        )
    return found


def _find_config(file: Path, top: Path) -> str:
    """The folder of a file that is neither a split nor called data: "fine" of fine/train/0000.parquet."""
    names = [
        name
        for name in file.relative_to(top).parts[:-1]
        if not parse_split(name)[0] and name.lower() != "data"
    ]
    return "/".join(names)


def _find_split(file: Path, top: Path) -> str | None:
    """What the name of a file, or of the folder around it, says: "train-00000-of-00002"."""
    *folders, name = file.relative_to(top).parts
    return next(
        (split for text in (name.removesuffix(file.suffix), *reversed(folders)) if (split := _parse(text))),
        None,
    )


def _parse(text: str) -> str | None:
    split = parse_split(text)[0]
    return split or parse_split(re.split(r"[-_.]", text)[0])[0]
