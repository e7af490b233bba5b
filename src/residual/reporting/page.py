"""The report of a run as one HTML page that needs nothing else."""

from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from residual._text import describe_value, escape_control, format_duration, format_percent
from residual.data.pixel_store import is_lazy
from residual.errors import RunError
from residual.evaluation.metrics import wilson_interval
from residual.evaluation.wording import value_in_words
from residual.reporting.answers import (
    MOST_MATRIX_CLASSES,
    choose_mistakes,
    list_cells,
    list_confusions,
    list_hardest,
    show_images,
)
from residual.reporting.curves import draw_curves
from residual.reporting.judged import JudgedRun
from residual.reporting.pictures import Pictures
from residual.reporting.reliability import draw_reliability
from residual.reporting.repeats import find_repeats

NAME = "report.html"
_MARK = "<!-- residual report -->"
_TEMPLATES = "templates"


def check_page(path: Path) -> None:
    """Refuse a file that a report cannot be written to.

    Raises:
        RunError: for another ending, a folder that is not there, or a file that is something else.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise RunError(f"out must end in .html; got {describe_value(str(path))}.")
    if path.is_dir():
        raise RunError(f"out must be a file; {path} is a folder.")
    if not path.parent.is_dir():
        raise RunError(f"out must be in a folder that exists; there is no folder {path.parent}.")
    if path.exists() and not _is_page(path):
        raise RunError(f"{path} exists and is no report of a run. Choose another `out`, or remove it.")


def remove_page(folder: Path) -> None:
    """Remove the report of a run; a file of this name that is something else stays.

    Args:
        folder: of the run.

    Raises:
        OSError: if it cannot be removed.
    """
    path = folder / NAME
    if path.is_file() and _is_page(path):
        path.unlink()


def read_page(folder: Path) -> bytes | None:
    """The report of a run; None if there is none.

    Args:
        folder: of the run.
    """
    path = folder / NAME
    return path.read_bytes() if path.is_file() and _is_page(path) else None


def _is_page(path: Path) -> bool:
    with path.open("rb") as file:
        return _MARK.encode() in file.read(200)


def format_page(run: JudgedRun) -> str:
    """The page as text.

    Args:
        run: with what could be read of it.
    """
    return load_template("report.html.jinja").render(**_collect(run), mark=_MARK)


def load_template(name: str) -> Any:
    """A template of this package, which refuses to show what it was not given.

    Args:
        name: of its file.
    """
    return _make_environment().get_template(name)


@cache
def _make_environment() -> Any:
    import jinja2

    class Absent(jinja2.StrictUndefined):
        """A fact that a report lacks: it may be asked for, and not shown."""

        def __bool__(self) -> bool:
            return False

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(read_template),
        autoescape=True,
        undefined=Absent,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = format_percent
    environment.filters["duration"] = format_duration
    environment.filters["words"] = value_in_words
    environment.finalize = lambda value: (
        escape_control(value) if type(value) is str else value
    )  # macros are marked
    return environment


def read_template(name: str) -> str:
    """The text of a file beside the templates.

    Args:
        name: of the file.
    """
    return (resources.files("residual.reporting") / _TEMPLATES / name).read_text("utf-8")


def _collect(run: JudgedRun) -> dict[str, Any]:
    """What the template shows, by the names that it uses."""
    pictures = Pictures()
    values: dict[str, Any] = {
        "run": run,
        "record": run.record,
        "report": run.report,
        "test": run.report.get("test"),
        "validation": _describe_validation(run.report),
        "charts": draw_curves(run),
        "reliability": draw_reliability(run),
        "repeats": find_repeats(run),
        "images_by_name": run.images is not None and is_lazy(run.images.x),
        "mistakes": [],
        "cells": None,
        "confusions": [],
        "hardest": [],
        "wilson": wilson_interval,
    }
    if run.answers is not None:
        values["mistakes"] = show_images(run, choose_mistakes(run.answers), pictures)
        values["hardest"] = list_hardest(run, pictures)
        if len(run.classes) <= MOST_MATRIX_CLASSES:
            values["cells"] = list_cells(run, pictures)
        elif not run.answers.right.all():
            values["confusions"] = list_confusions(run)
    return {**values, "left_out": pictures.left_out}


def _describe_validation(report: Any) -> dict[str, Any] | None:
    """n, accuracy and interval on the validation images; None before the training has ended."""
    found = report.get("validation")
    if not found:
        return None
    correct = round(found["accuracy"] * found["n"])
    return {**found, "correct": correct, "interval": wilson_interval(correct, found["n"])}
