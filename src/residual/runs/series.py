"""A series of runs: the same training with several seeds, or with each part of the images as validation images.

runs/NAME-seeds.json       what was asked, the names of the runs, and their summary
runs/NAME-seed1/ ...       ordinary run folders
"""

from pathlib import Path
from typing import Any, Literal

import msgspec

from residual._atomic import write_bytes
from residual._text import describe_value
from residual.errors import RunError
from residual.runs.folder import ROOT, RunFolder

KINDS = ("seeds", "folds")


class SeriesRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What the file of a series holds.

    Attributes:
        name: of the series.
        kind: "seeds" or "folds".
        asked: what all runs have in common, as `train` was asked.
        runs: the names of the run folders, in their order.
        summary: of those that have finished, as `evaluation.series` makes it; {} before the first.
    """

    name: str
    kind: Literal["seeds", "folds"]
    asked: dict[str, Any]
    runs: tuple[str, ...]
    summary: dict[str, Any] = {}


def locate_series(name: str, kind: str, root: Path = ROOT) -> Path:
    """The file of a series."""
    return root / f"{name}-{kind}.json"


def write_series(record: SeriesRecord, root: Path = ROOT) -> Path:
    """Write the file of a series whole or not at all; its path.

    Raises:
        OSError: if it cannot be written.
    """
    path = locate_series(record.name, record.kind, root)
    write_bytes(path, msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n")
    return path


def read_series(path: Path) -> SeriesRecord:
    """The series in a file.

    Raises:
        RunError: if it is not readable or no series.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=SeriesRecord)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RunError(f"{path} is not the file of a series: {error}.") from None


def find_series(name: str | Path, root: Path = ROOT) -> SeriesRecord | None:
    """The series of that name, or in that file; None if there is none.

    Raises:
        RunError: if its file is damaged, or if there is one with seeds and one with folds.
    """
    given = Path(name)
    if given.suffix == ".json" and given.is_file():
        return read_series(given)
    found = [path for kind in KINDS if (path := locate_series(str(name), kind, root)).is_file()]
    if len(found) > 1:
        raise RunError(
            f"{name} is a series of seeds and one of folds: name one of {found[0]} and {found[1]}."
        )
    return read_series(found[0]) if found else None


def is_complete(name: str, root: Path = ROOT) -> bool:
    """Whether a run of a series has finished, its test images evaluated."""
    folder = RunFolder(root / name)
    return (folder.path / "run.toml").is_file() and folder.state == "finished" and not folder.find_missing()


def check_count(argument: str, count: int) -> None:
    """Refuse a number of runs that is no series.

    Raises:
        RunError: naming the argument.
    """
    if isinstance(count, bool) or not isinstance(count, int) or not 2 <= count <= 1000:
        raise RunError(
            f"{argument} must be a whole number of runs from 2 to 1000; got {describe_value(count)}."
        )
