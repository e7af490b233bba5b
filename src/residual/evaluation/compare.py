"""Runs side by side: what differed in what was asked, and what it did to the accuracy."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from residual._text import format_shape
from residual.errors import RunError
from residual.evaluation.significance import Difference, paired, unpaired
from residual.evaluation.test_predictions import kept_predictions
from residual.evaluation.metrics import wilson_interval
from residual.runs.history import Listed, listed, reading
from residual.training.recipe import Recipe
from residual.runs.folder import ROOT, RunFolder, find_run

# Of a recipe, in its order; the network is told apart.
VALUES = [field.name for field in fields(Recipe) if field.name not in ("name", "about", "model", "expected")]


@dataclass(frozen=True)
class Judged:
    """What came of one run.

    Attributes:
        name: of the run; its path where two have the same name.
        run: what the list of runs says of it.
        kept_epoch: whose weights were kept, from 1; None before the end.
        weights: SHA-256 of the weights; None before the end.
        validation, test: (correct, n) on these images; None where it was not judged on them.
    """

    name: str
    run: Listed
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
class Against:
    """One run against the first.

    Attributes:
        name: of the run.
        validation, test: its accuracy minus that of the first; None where one of them was not judged.
        why_unpaired: why the test images could not be compared one by one; "" where they were.
    """

    name: str
    validation: Difference | None
    test: Difference | None
    why_unpaired: str

    def to_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        parts = {"validation": self.validation, "test": self.test}
        told = {part: value and value.to_dict() for part, value in parts.items()}
        return {"name": self.name, **told, "why_unpaired": self.why_unpaired}


@dataclass(frozen=True)
class Comparison:
    """Made by `compare`.

    Attributes:
        runs: in the order in which they were named.
        settings: what differed: a value for each run, None where a run has none.
        against_first: each run after the first.
    """

    runs: tuple[Judged, ...]
    settings: dict[str, tuple[Any, ...]]
    against_first: tuple[Against, ...]

    def to_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        return {
            "runs": [run.to_dict() for run in self.runs],
            "differed": {name: list(values) for name, values in self.settings.items()},
            "against_first": [against.to_dict() for against in self.against_first],
        }


def compare(*names: str | Path, folder: str | Path = ROOT) -> Comparison:
    """Compare runs with the first of them.

    Where two were judged on the same test images and have kept what they said about each (`evaluate` does), the
    images are compared one by one; otherwise the accuracies as those of two sets of images, as on validation images
    always.

    Args:
        names: two runs or more, by name or by folder.
        folder: where runs are searched for by name.

    Raises:
        RunError: for fewer than two runs, one named twice, one that is not there or cannot be read.
        DataError: when a file of predictions is damaged.
    """
    folders = [_found(name, Path(folder)) for name in names]
    if len({found.path.resolve() for found in folders}) < max(2, len(folders)):
        raise RunError(
            f"Name two or more different runs to compare; got {', '.join(map(str, names)) or 'none'}."
        )
    runs, asked = _judged(folders), []
    for found in folders:
        with reading(found.path / "run.toml"):
            asked.append(settings(found))
    pairs = zip(folders[1:], runs[1:], strict=True)
    against = [_against(folders[0], runs[0], found, run, len(runs) - 1) for found, run in pairs]
    return Comparison(runs, differing(asked), tuple(against))


def _found(name: str | Path, folder: Path) -> RunFolder:
    inside = folder / name
    return RunFolder(inside) if (inside / "run.toml").is_file() else find_run(name)


def _judged(folders: Sequence[RunFolder]) -> tuple[Judged, ...]:
    known = [listed(found.path) for found in folders]
    for run in known:
        if run.state == "unreadable":
            raise RunError(run.problem)
    names = [run.name for run in known]
    return tuple(
        Judged(
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


def settings(folder: RunFolder) -> dict[str, Any]:
    """Everything about a run that can differ from another, by name, in the order in which it is told."""
    asked, report = folder.asked, folder.report
    data, recipe = asked["data"], asked["recipe"]
    return {
        "data": data["asked"],
        "source": data["source"],
        "data hash": (report.get("data_sha256") or "")[:12] or None,
        "classes": len(data["classes"]),
        "image size": format_shape(data["image_size"]),
        **{f"{part} images": data[f"{part}_images"] for part in ("train", "validation", "test")},
        "test fingerprint": data["test_fingerprint"],
        "hash style": data.get("hash_style", "version 0.1"),
        "network": asked["network"]["name"],
        "recipe": recipe["name"],
        **{name.replace("_", " "): recipe.get(name) for name in VALUES},
        "seed": asked["seed"],
        "precision": asked["precision"],
        "balance": asked.get("balance"),
        "times resumed": len(report.get("resumed", ())),
        **asked["machine"],
    }


def differing(runs: Sequence[dict[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """The settings whose values are not the same in all runs."""
    names = dict.fromkeys(name for run in runs for name in run)
    values = {name: tuple(run.get(name) for run in runs) for name in names}
    return {name: found for name, found in values.items() if any(value != found[0] for value in found[1:])}


def _against(folder: RunFolder, first: Judged, other: RunFolder, run: Judged, comparisons: int) -> Against:
    validation = test = None
    if first.validation and run.validation:
        validation = unpaired(first.validation, run.validation, comparisons)
    why = ""
    if first.test and run.test:
        one, two, why = _image_by_image(folder, first, other, run)
        test = unpaired(first.test, run.test, comparisons) if why else paired(one, two, comparisons)
    return Against(run.name, validation, test, why)


def _image_by_image(folder: RunFolder, first: Judged, other: RunFolder, run: Judged):
    """Which test images each has right, bool (n,), and why they cannot be paired; "" where they can."""
    data, others = folder.asked["data"], other.asked["data"]
    if data.get("hash_style") != others.get("hash_style"):
        return None, None, "one of them is of version 0.1, which hashed its test images in another way"
    if data["test_fingerprint"] != others["test_fingerprint"]:
        return None, None, "they were judged on different test images"
    kept = [kept_predictions(found.path) for found in (folder, other)]
    lacking = [judged.name for judged, found in zip((first, run), kept, strict=True) if found is None]
    if kept[0] is None or kept[1] is None:
        return (
            None,
            None,
            f"{' and '.join(lacking)} kept no predictions (residual evaluate {lacking[0]} keeps them)",
        )
    rights = [found.right for found in kept if found]
    counts = [(int(right.sum()), len(right)) for right in rights]
    if kept[0].true != kept[1].true or counts != [first.test, run.test]:
        return (
            None,
            None,
            "the predictions that were kept are not those of the reports (residual evaluate makes them anew)",
        )
    return *rights, ""
