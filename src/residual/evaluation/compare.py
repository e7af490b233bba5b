"""Runs side by side: what differed in what was asked, and how that changed the accuracy."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import fields

from residual._console import preformat_html, render_text
from residual._text import describe_value, format_shape
from residual.data.digests import read_digests
from residual.errors import RunError
from residual.evaluation.metrics import wilson_interval
from residual.evaluation.series import SeriesComparison, compare_series, find_all_series
from residual.evaluation.significance import Difference, compare_paired, compare_unpaired
from residual.evaluation.test_predictions import load_predictions
from residual.runs.find import find_run
from residual.runs.folder import ROOT, RunFolder
from residual.runs.history import RunEntry, name_damage, read_entry
from residual.runs.record import RunRecord
from residual.training.options import TrainOptions
from residual.training.recipe import Recipe

_SHOWN_ELSEWHERE = {
    "data",
    "model",
    "recipe",
    "epochs",
    "batch_size",
    "image_size",
    "precision",
    "search_dir",
}
_OF_SPLIT = ("seed", "validation split", "fold")  # what decides which images are validation images
_OF_RECIPE = [f.name for f in fields(Recipe) if f.name not in ("name", "about", "model", "expected")]
_OF_OPTIONS = [f.name for f in fields(TrainOptions) if f.name not in _SHOWN_ELSEWHERE]


@dataclass(frozen=True)
class RunResult:
    """The results of one run.

    Attributes:
        name: of the run; its path if two have the same name.
        run: what the list of runs says of it.
        kept_epoch: whose weights were kept, from 1; None before the end.
        weights: SHA-256 of the weights; None before the end.
        validation, test: (correct, n) on these images; None if it was not evaluated on them.
    """

    name: str
    run: RunEntry
    kept_epoch: int | None
    weights: str | None
    validation: tuple[int, int] | None
    test: tuple[int, int] | None

    def to_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        outcome = {"validation": _scores(self.validation), "test": _scores(self.test)}
        more = {"kept_epoch": self.kept_epoch, "weights_sha256": self.weights}
        return {"name": self.name, "path": str(self.run.path), "state": self.run.state, **outcome, **more,
                "epochs": self.run.epochs, "training_seconds": self.run.seconds}  # fmt: skip


@dataclass(frozen=True)
class VersusFirst:
    """One run against the first.

    Attributes:
        name: of the run.
        validation, test: its accuracy minus that of the first; None if one of them was not evaluated.
        why_unpaired: why the test images could not be compared one by one; "" if they were.
    """

    name: str
    validation: Difference | None
    test: Difference | None
    why_unpaired: str

    def to_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        parts = {"validation": self.validation, "test": self.test}
        differences = {part: value and value.to_dict() for part, value in parts.items()}
        return {"name": self.name, **differences, "why_unpaired": self.why_unpaired}


@dataclass(frozen=True)
class Comparison:
    """Made by `compare_runs`. `print` and a notebook show the report.

    Attributes:
        runs: in the order in which they were named.
        settings: what differed: a value for each run, None if a run has none.
        against_first: each run after the first.
    """

    runs: tuple[RunResult, ...]
    settings: dict[str, tuple[Any, ...]]
    against_first: tuple[VersusFirst, ...]

    def __str__(self) -> str:
        from residual.evaluation.compare_text import print_comparison

        return render_text(lambda console: print_comparison(self, console))

    def __repr__(self) -> str:
        return (
            f"Comparison of {', '.join(run.name for run in self.runs)}: {len(self.settings)} settings differ"
        )

    def _repr_html_(self) -> str:
        return preformat_html(str(self))

    def to_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        return {
            "runs": [run.to_dict() for run in self.runs],
            "differed": {name: list(values) for name, values in self.settings.items()},
            "against_first": [against.to_dict() for against in self.against_first],
        }


def compare_runs(*names: str | Path, folder: str | Path = ROOT) -> Comparison | SeriesComparison:
    """Compare runs with the first of them, or series of runs (`residual.train_series`) by the means of their runs.

    If two were evaluated on the same test images and have kept their predictions (`evaluate` does), the images are
    compared one by one. Otherwise the accuracies are compared as those of two sets of images, as on validation images
    always.

    Args:
        names: two runs or more, by name or by folder; or two series or more, by name.
        folder: where runs are searched for by name.

    Raises:
        RunError: for fewer than two runs, one named twice, one that does not exist or cannot be read.
        DataError: if a file of predictions is damaged.
    """
    if wrong := [name for name in names if not isinstance(name, str | Path)]:
        raise RunError(f"A run must be named by its name or its folder; got {describe_value(wrong[0])}.")
    if series := find_all_series(names, Path(folder)):
        return compare_series(series, Path(folder))
    folders = [_find_folder(name, Path(folder)) for name in names]
    if len({found.path.resolve() for found in folders}) < max(2, len(folders)):
        raise RunError(
            f"Name two or more different runs to compare; got {', '.join(map(str, names)) or 'none'}."
        )
    runs, settings = _read_results(folders), []
    for found in folders:
        with name_damage(found.path / "run.toml"):
            settings.append(read_settings(found))
    pairs = zip(folders[1:], runs[1:], strict=True)
    against = [_compare_with_first(folders[0], runs[0], found, run, len(runs) - 1) for found, run in pairs]
    differing = _explain_data_hash(find_differing(settings), folders)
    return Comparison(runs, differing, tuple(against))


def _find_folder(name: str | Path, folder: Path) -> RunFolder:
    inside = folder / name
    return RunFolder(inside) if (inside / "run.toml").is_file() else find_run(name)


def _read_results(folders: Sequence[RunFolder]) -> tuple[RunResult, ...]:
    known = [read_entry(found.path) for found in folders]
    for run in known:
        if run.state == "unreadable":
            raise RunError(run.problem)
    names = [run.name for run in known]
    return tuple(
        RunResult(
            name=run.name if names.count(run.name) == 1 else str(run.path),
            run=run,
            kept_epoch=found.report.get("kept_epoch"),
            weights=found.report.get("weights_sha256"),
            validation=_counts(run.validation, run.validation_images),
            test=_counts(run.test, run.test_images),
        )
        for found, run in zip(folders, known, strict=True)
    )


def _counts(accuracy: float | None, n: int | None) -> tuple[int, int] | None:
    return (round(accuracy * n), n) if accuracy is not None and n else None


def _scores(counts: tuple[int, int] | None) -> dict[str, Any] | None:
    if counts is None:
        return None
    correct, n = counts
    return {
        "n": n,
        "correct": correct,
        "accuracy": correct / n,
        "interval": list(wilson_interval(correct, n)),
    }


def read_settings(folder: RunFolder) -> dict[str, Any]:
    """Everything about a run that can differ from another, by name, in the order in which it is shown."""
    record, report = folder.record, folder.report
    data, recipe, options = record.data, record.recipe, {**TrainOptions().to_table(), **record.train}
    return {
        "data": record.train["data"],
        "source": data.source,
        "data hash": (report.get("data_sha256") or "")[:12] or None,
        "classes": len(data.classes),
        "image size": format_shape(data.image_size),
        **{f"{split} images": getattr(data, f"{split}_images") for split in ("train", "validation", "test")},
        "test fingerprint": data.test_fingerprint,
        "hash style": data.hash_style or "version 0.1",
        "network": record.network.name,
        "recipe": recipe["name"],
        **{name.replace("_", " "): recipe.get(name) for name in _OF_RECIPE},
        **{name.replace("_", " "): options.get(name) for name in _OF_OPTIONS},
        "precision": record.precision,
        "times resumed": len(report.get("resumed", ())),
        **record.machine,
    }


def find_differing(runs: Sequence[dict[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """The settings whose values are not the same in all runs."""
    names = dict.fromkeys(name for run in runs for name in run)
    values = {name: tuple(run.get(name) for run in runs) for name in names}
    return {name: found for name, found in values.items() if any(value != found[0] for value in found[1:])}


def _explain_data_hash(
    differing: dict[str, tuple[Any, ...]], folders: Sequence[RunFolder]
) -> dict[str, tuple[Any, ...]]:
    """The same without the data hash, if it differs only because the same images are split in another way."""
    if not any(name in differing for name in _OF_SPLIT):
        return differing
    kept = [read_digests(found.training_digests) for found in folders]
    if len({digests.tobytes() for digests in kept if digests is not None}) > 1:
        return differing
    return {name: values for name, values in differing.items() if name != "data hash"}


def _compare_with_first(
    folder: RunFolder, first: RunResult, other: RunFolder, run: RunResult, comparisons: int
) -> VersusFirst:
    validation = test = None
    if first.validation and run.validation:
        validation = compare_unpaired(first.validation, run.validation, comparisons)
    why = ""
    if first.test and run.test:
        one, two, why = _image_by_image(folder, first, other, run)
        test = (
            compare_unpaired(first.test, run.test, comparisons)
            if why
            else compare_paired(one, two, comparisons)
        )
    return VersusFirst(run.name, validation, test, why)


def _image_by_image(folder: RunFolder, first: RunResult, other: RunFolder, run: RunResult):
    """Which test images each has right, bool (n,), and why they cannot be paired; "" if they can."""
    saved = [load_predictions(found.path) for found in (folder, other)]
    lacking = [result.name for result, found in zip((first, run), saved, strict=True) if found is None]
    why = _why_different_images(folder.record, other.record)
    if not why and lacking:
        why = f"{' and '.join(lacking)} saved no predictions (residual evaluate {lacking[0]} saves them)"
    if why:
        return None, None, why
    rights = [found.right for found in saved if found]
    counts = [(int(right.sum()), len(right)) for right in rights]
    if saved[0].true != saved[1].true or counts != [first.test, run.test]:
        why = "the saved predictions are not those of the reports (residual evaluate writes them again)"
        return None, None, why
    return *rights, ""


def _why_different_images(one: RunRecord, two: RunRecord) -> str:
    """Why two runs were not evaluated on the same test images; "" if they were."""
    if one.data.hash_style != two.data.hash_style:
        return "one of them is of version 0.1, which hashed its test images in another way"
    if one.data.test_fingerprint != two.data.test_fingerprint:
        return "they were evaluated on different test images"
    return ""
