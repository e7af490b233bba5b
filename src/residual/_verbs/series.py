"""A series of trainings: the same with several seeds, or with each part of the images set aside in turn."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from residual._open import open_run
from residual._run import Run
from residual._text import describe_value
from residual._verbs.end_of_run import list_missing
from residual._verbs.training import ONE, check_request, train_run
from residual.backend.cluster import Cluster
from residual.backend.devices import AUTO, check_device
from residual.data.given import GIVEN
from residual.errors import RunError
from residual.runs.find import check_name
from residual.runs.folder import ROOT, RunFolder
from residual.runs.series import (
    SeriesRecord,
    check_count,
    is_complete,
    locate_series,
    read_series,
    write_series,
)
from residual.training.options import TrainOptions

if TYPE_CHECKING:
    from rich.console import Console

    from residual.reporting.live import LivePage
    from residual.reporting.repeat import FormatCommand


@dataclass(frozen=True)
class Series:
    """A series of runs.

    Attributes:
        record: what was asked, the names of the runs, and their summary.
        runs: those that have finished.
        stopped: whether Ctrl-C ended one of them, and the series with it.
    """

    record: SeriesRecord
    runs: tuple[Run, ...]
    stopped: bool = False

    def __repr__(self) -> str:
        return f"Series({self.record.name!r}, {len(self.runs)} of {len(self.record.runs)} {self.record.kind})"


def choose_kind(seeds: int | None, folds: int | None) -> tuple[str, int]:
    """Which series is asked for, and of how many runs.

    Raises:
        RunError: if it is none or both, or the number is no number of runs.
    """
    if (seeds is None) == (folds is None):
        raise RunError("Give one of `seeds` and `folds`: how many runs to train.")
    kind, count = ("seeds", seeds) if folds is None else ("folds", folds)
    check_count(kind, count)  # type: ignore[arg-type]
    return kind, count  # type: ignore[return-value]


def train_series(
    options: TrainOptions,
    *,
    name: str | None,
    kind: str,
    count: int,
    console: "Console",
    device: str = AUTO,
    cluster: Cluster = ONE,
    format_command: "FormatCommand | None" = None,
    live: "LivePage | None" = None,
) -> Series:
    """Train the runs of a series that have not finished, and evaluate each on its test images at its end.

    If the series was interrupted, the same call with its name continues it: finished runs stay as they are, and one
    that was interrupted continues from its last checkpoint.

    Args:
        options: what all runs have in common. Of seeds the first is that of the options plus one.
        name: of the series; None counts up. Its runs are NAME-seed1, NAME-seed2, ... or NAME-fold1, ...
        kind: "seeds" or "folds".
        count: how many runs.
        console: where the plan and each epoch are shown.
        device: where the networks are computed.
        cluster: the devices that train together, of this process alone.
        format_command, live: as `train_run` takes them.

    Raises:
        DataError, NetworkError, RecipeError, RunError: as for `residual.train`; also if the series was asked for
            otherwise before.
    """
    check_count(kind, count)
    check_name(name)
    check_device(device)
    cluster.check(device)
    if cluster.has_several_processes:
        raise RunError("`seeds` and `folds` train one run after another: give them to one process alone.")
    check_request(options, None, "never")
    record = _begin(options, name, kind, count)
    for number, run_name in enumerate(record.runs):
        if is_complete(run_name) and not list_missing(RunFolder(ROOT / run_name)):
            continue
        console.print(f"\n{kind.removesuffix('s')} {number + 1} of {count}", highlight=False)
        own = _make_options(options, kind, number, count)
        run = train_run(
            own,
            name=run_name,
            resume="auto",
            console=console,
            device=device,
            cluster=cluster,
            format_command=format_command,
            live=live,
        )
        if run.report["interrupted"]:
            return _close(record, stopped=True)
        run.evaluate()
        record = _close(record).record
    return _close(record)


def _begin(options: TrainOptions, name: str | None, kind: str, count: int) -> SeriesRecord:
    """The record of the series, which is written if it is new.

    Raises:
        RunError: if a series of this name was asked for otherwise, or one of its runs belongs to none.
    """
    name = name or _find_free_name(options, kind)
    path = locate_series(name, kind)
    asked = _list_asked(options)
    if kind == "seeds":
        runs = [f"{name}-seed{options.seed + number + 1}" for number in range(count)]
    else:
        runs = [f"{name}-fold{number + 1}" for number in range(count)]
    record = SeriesRecord(name=name, kind=kind, asked=asked, runs=tuple(runs))  # type: ignore[arg-type]
    if not path.is_file():
        taken = [run for run in runs if (ROOT / run).exists()]
        if taken:
            raise RunError(f"{ROOT / taken[0]} exists already. Choose another `name`, or remove it.")
        write_series(record)
        return record
    before = read_series(path)
    if differences := _find_differences(asked, before, runs):
        raise RunError(
            f"{path} was asked for otherwise: {'; '.join(differences)}. Continue it as it was, or choose another "
            "`name`."
        )
    return before


def _find_differences(asked: dict[str, Any], before: SeriesRecord, runs: list[str]) -> list[str]:
    """In what a series differs from the one of the same name; more runs are no difference."""
    names = [name for name in {**asked, **before.asked} if asked.get(name) != before.asked.get(name)]
    found = [
        f"{name} was {describe_value(before.asked.get(name))}, now {describe_value(asked.get(name))}"
        for name in names
    ]
    if not names and tuple(runs) != before.runs:
        found.append(f"its runs were {', '.join(before.runs)}")
    return found


def _list_asked(options: TrainOptions) -> dict[str, Any]:
    """What all runs have in common, as JSON holds it."""
    from residual.training.job import resolve_data
    from residual.training.recipe import Recipe

    table = {**options.to_table(), "data": resolve_data(options.data)}
    if isinstance(options.recipe, Recipe):
        table["recipe"] = options.recipe.to_table()
    table.pop("search_dir", None)
    return msgspec.json.decode(msgspec.json.encode(table))


def _make_options(options: TrainOptions, kind: str, number: int, count: int) -> TrainOptions:
    """What one run of a series is asked."""
    if kind == "seeds":
        return msgspec.structs.replace(options, seed=options.seed + number + 1)
    return msgspec.structs.replace(options, fold=f"{number + 1}/{count}")


def _find_free_name(options: TrainOptions, kind: str) -> str:
    """DATA-NETWORK-1, or the first number that no run and no series has."""
    from residual.training.find_recipe import choose_recipe

    data = options.data
    word = data if isinstance(data, str) else getattr(data, "name", GIVEN)
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(word).stem).strip("-.") or "run"
    spec = choose_recipe(options, stem)[1]
    stem = f"{stem}-{spec.name if spec is not None else Path(options.weights or '').stem}"
    number = 1
    while any(ROOT.glob(f"{stem}-{number}[.-]*")) or (ROOT / f"{stem}-{number}").exists():
        number += 1
    return f"{stem}-{number}"


def _close(record: SeriesRecord, stopped: bool = False) -> Series:
    """The series so far; its summary is written."""
    from residual.evaluation.series import summarize_series

    current = msgspec.structs.replace(record, summary=summarize_series(record))
    write_series(current)
    done = tuple(open_run(ROOT / name) for name in record.runs if is_complete(name))
    return Series(current, done, stopped)
