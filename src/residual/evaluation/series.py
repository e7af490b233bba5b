"""The runs of a series together: mean, spread and interval; and two series beside each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

import msgspec

from residual._console import preformat_html, render_text
from residual.errors import RunError
from residual.evaluation.metrics import LEVEL, wilson_interval
from residual.runs.folder import ROOT, RunFolder
from residual.runs.series import SeriesRecord, find_series, is_complete

SPLITS = ("validation", "test")


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """Accuracies of several runs.

    Attributes:
        values: of each run, 0 to 1.
        n: images that each was evaluated on.
        mean: of the values.
        deviation: standard deviation between the runs.
        interval: 95%, of the mean over all runs that the same command could give; Student's t. It says nothing on
            other images.
        pooled: of folds the accuracy of all images, each by the run that was not trained on it; None of seeds.
        pooled_interval: 95%, of the accuracy on other images of the kind; None of seeds.
    """

    values: tuple[float, ...]
    n: tuple[int, ...]
    mean: float
    deviation: float
    interval: tuple[float, float]
    pooled: float | None = None
    pooled_interval: tuple[float, float] | None = None


def summarize_spread(values: Sequence[float], counts: Sequence[int], pool: bool = False) -> Spread:
    """Mean, spread and interval of accuracies.

    Args:
        values: of at least one run; the interval of one run is 0 to 1.
        counts: images of each.
        pool: whether no image is in two of them, so that they can be counted together.
    """
    mean = sum(values) / len(values)
    deviation = sqrt(sum((one - mean) ** 2 for one in values) / (len(values) - 1)) if len(values) > 1 else 0.0
    correct = sum(round(value * n) for value, n in zip(values, counts, strict=True))
    total = sum(counts)
    return Spread(
        values=tuple(values),
        n=tuple(counts),
        mean=mean,
        deviation=deviation,
        interval=_clip(mean, find_reach(deviation, len(values))),
        pooled=correct / total if pool else None,
        pooled_interval=wilson_interval(correct, total) if pool else None,
    )


def find_reach(deviation: float, runs: int, level: float = LEVEL) -> float:
    """Half the length of Student's interval of a mean; infinite for one run.

    Args:
        deviation: standard deviation between the runs.
        runs: how many.
        level: of confidence.
    """
    if runs < 2:
        return float("inf")
    from scipy.special import stdtrit

    return float(stdtrit(runs - 1, (1 + level) / 2)) * deviation / sqrt(runs)


def _clip(mean: float, reach: float) -> tuple[float, float]:
    return max(0.0, mean - reach), min(1.0, mean + reach)


def read_accuracies(record: SeriesRecord, root: Path = ROOT) -> dict[str, dict[str, tuple[float, int]]]:
    """Split -> run -> (accuracy, images), of the runs that have finished."""
    found: dict[str, dict[str, tuple[float, int]]] = {split: {} for split in SPLITS}
    for name in record.runs:
        report = RunFolder(root / name).report if is_complete(name, root) else {}
        for split in SPLITS:
            if split in report:
                found[split][name] = (report[split]["accuracy"], report[split]["n"])
    return found


def summarize_series(record: SeriesRecord, root: Path = ROOT) -> dict[str, Any]:
    """The summary of a series for its file: how many runs have finished, and a `Spread` for each split.

    Args:
        record: of the series.
        root: the folder of its runs.
    """
    found = read_accuracies(record, root)
    summary: dict[str, Any] = {"finished": len(found["validation"]), "of": len(record.runs)}
    for split, by_run in found.items():
        if by_run:
            values, counts = zip(*by_run.values(), strict=True)
            pool = record.kind == "folds" and split == "validation"
            summary[split] = msgspec.to_builtins(summarize_spread(values, counts, pool))
    return summary


@dataclass(frozen=True)
class SeriesDifference:
    """One series against the first.

    Attributes:
        name: of the series.
        split: "validation" or "test".
        value: its mean minus that of the first.
        interval: 95%, by Student's t; of paired runs from the differences, otherwise Welch's.
        beyond_chance: whether the interval leaves 0 out; several comparisons share the 5% risk of a false alarm.
        paired: whether runs of the same seed or fold were compared one by one.
        runs: how many of each.
    """

    name: str
    split: str
    value: float
    interval: tuple[float, float]
    beyond_chance: bool
    paired: bool
    runs: tuple[int, int]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**vars(self), "interval": list(self.interval), "runs": list(self.runs)}


@dataclass(frozen=True)
class SeriesComparison:
    """Made by `compare_series`. `print` and a notebook show the report.

    Attributes:
        series: in the order in which they were named.
        settings: what was asked otherwise: a value for each series.
        against_first: each series after the first, on each split.
    """

    series: tuple[SeriesRecord, ...]
    settings: dict[str, tuple[Any, ...]]
    against_first: tuple[SeriesDifference, ...]

    def __str__(self) -> str:
        from residual.evaluation.series_text import print_series_comparison

        return render_text(lambda console: print_series_comparison(self, console))

    def _repr_html_(self) -> str:
        return preformat_html(str(self))

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "series": [msgspec.to_builtins(one) for one in self.series],
            "differed": {name: list(values) for name, values in self.settings.items()},
            "against_first": [one.to_dict() for one in self.against_first],
        }


def find_all_series(names: Sequence[str | Path], root: Path = ROOT) -> list[SeriesRecord] | None:
    """The series of these names; None if none of them is one.

    Raises:
        RunError: if some are series and others are not.
    """
    found = [find_series(name, root) for name in names]
    if not any(found):
        return None
    if missing := [str(name) for name, one in zip(names, found, strict=True) if one is None]:
        raise RunError(f"Series can be compared with series only; {missing[0]} is none.")
    return [one for one in found if one]


def compare_series(records: Sequence[SeriesRecord], root: Path = ROOT) -> SeriesComparison:
    """Compare series with the first of them, by the means of their runs.

    Args:
        records: two or more.
        root: the folder of the runs.

    Raises:
        RunError: for fewer than two different series, or one of which fewer than two runs have finished.
    """
    if len({(one.name, one.kind) for one in records}) < max(2, len(records)):
        raise RunError("Name two or more different series to compare.")
    current = [msgspec.structs.replace(one, summary=summarize_series(one, root)) for one in records]
    for one in current:
        if one.summary["finished"] < 2:
            raise RunError(
                f"{one.name} has {one.summary['finished']} finished run of {one.summary['of']}: at least two are "
                "needed. Start the same command again to finish it."
            )
    names = dict.fromkeys(name for one in current for name in one.asked)
    values = {name: tuple(one.asked.get(name) for one in current) for name in names}
    settings = {name: found for name, found in values.items() if any(value != found[0] for value in found)}
    level = 1 - (1 - LEVEL) / (len(current) - 1)
    first, *others = [read_accuracies(one, root) for one in current]
    differences = [
        _compare(first[split], other[split], record, current[0], split, level)
        for other, record in zip(others, current[1:], strict=True)
        for split in SPLITS
        if first[split] and other[split]
    ]
    return SeriesComparison(tuple(current), settings, tuple(differences))


def _compare(first, other, record: SeriesRecord, before: SeriesRecord, split: str, level: float):
    """The difference of two series on one split."""
    ones, others = _by_place(before, first), _by_place(record, other)
    shared = sorted(set(ones) & set(others))
    paired = record.kind == before.kind and len(shared) == len(ones) == len(others)
    if paired:
        gaps = [others[place] - ones[place] for place in shared]
        spread = summarize_spread(gaps, [1] * len(gaps))
        value, reach, wide = (
            spread.mean,
            find_reach(spread.deviation, len(gaps)),
            find_reach(spread.deviation, len(gaps), level),
        )
    else:
        value, reach, wide = _compare_welch(list(ones.values()), list(others.values()), level)
    return SeriesDifference(
        name=record.name,
        split=split,
        value=value,
        interval=(value - reach, value + reach),
        beyond_chance=abs(value) > wide,
        paired=paired,
        runs=(len(ones), len(others)),
    )


def _by_place(record: SeriesRecord, found: dict[str, tuple[float, int]]) -> dict[str, float]:
    """Seed or fold -> accuracy."""
    return {name.removeprefix(f"{record.name}-"): value for name, (value, _) in found.items()}


def _compare_welch(first: list[float], other: list[float], level: float) -> tuple[float, float, float]:
    """Difference of the means, and half the lengths of its intervals at 95% and at a level (Welch 1947)."""
    from scipy.special import stdtrit

    spreads = [summarize_spread(values, [1] * len(values)) for values in (first, other)]
    parts = [one.deviation**2 / len(one.values) for one in spreads]
    value, error = spreads[1].mean - spreads[0].mean, sqrt(sum(parts))
    if error == 0:
        return value, 0.0, 0.0
    freedom = sum(parts) ** 2 / sum(
        part**2 / (len(one.values) - 1) for part, one in zip(parts, spreads, strict=True)
    )
    reaches = (float(stdtrit(freedom, (1 + one) / 2)) * error for one in (LEVEL, level))
    return value, *reaches
