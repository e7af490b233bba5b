"""The report of a run: what it shows is gathered here, from the run's files, its data and its network.

Test images are read only if the run has been judged on them already.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from residual._atomic import write_text
from residual._run import Run, open_run
from residual.backend.devices import use_device
from residual.errors import DataError, ResidualError
from residual.runs.record import RunRecord

if TYPE_CHECKING:
    import numpy as np

    from residual.data.images import Images
    from residual.reporting.judged import Answers, JudgedRun

_NOT_REPEATED = (  # the recipe in run.toml holds them
    "data", "model", "recipe", "epochs", "batch_size", "time_budget", "precision", "engine", "optimizer"
)  # fmt: skip


@dataclass(frozen=True)
class WrittenReport:
    """A report that was written.

    Attributes:
        path: of the page.
        size: its bytes.
        test_images: that the run was judged on; None if it has not been.
        has_images: whether the page shows them.
        heat_maps: how many it has.
        notes: what it lacks and why, a sentence for each.
    """

    path: Path
    size: int
    test_images: int | None
    has_images: bool
    heat_maps: int
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**vars(self), "path": str(self.path), "notes": list(self.notes)}


def write_report(
    run: Run | str | Path, out: str | Path | None = None, command: str | None = None
) -> WrittenReport:
    """Write the report of a run: one HTML page that needs nothing else.

    Test images are shown only if the run has been evaluated on them. If the data or the network cannot be had, the page
    is written without them and says so.

    Args:
        run: a run, its name or its folder.
        out: an .html file; None for report.html in the run folder. Only a report is replaced.
        command: what repeats the training; None for the call in Python.

    Raises:
        RunError: if there is no such run, `out` is something else, or a file of the run is damaged.
    """
    run = open_run(run) if not isinstance(run, Run) else run
    from residual.reporting.page import NAME, check_page, format_page

    path = run.path / NAME if out is None else Path(out)
    check_page(path)
    judged = _gather(run, command or format_call(run.path, run.folder.record))
    write_text(path, format_page(judged))
    return WrittenReport(
        path,
        path.stat().st_size,
        None if judged.answers is None else len(judged.answers),
        judged.images is not None,
        len(judged.overlays),
        judged.notes,
    )


def list_repeated(record: RunRecord) -> dict[str, Any]:
    """What a repeated training is asked beside data and recipe: name -> value, without what is usual.

    Args:
        record: of the run.
    """
    from residual.training.options import TrainOptions

    usual = TrainOptions().to_table()
    asked = {name: value for name, value in record.train.items() if name not in _NOT_REPEATED}
    changed = {name: value for name, value in asked.items() if value != usual.get(name)}
    return {**changed, "precision": record.precision, "image_size": record.data.image_size[0]}


def format_call(path: Path, record: RunRecord) -> str:
    """The call in Python that repeats a training.

    Args:
        path: of the run.
        record: of the run.
    """
    words = {"recipe": str(path / "run.toml"), **list_repeated(record)}
    arguments = ", ".join(f"{name}={value!r}" for name, value in words.items())
    return f"residual.train({record.train['data']!r}, {arguments})"


def _gather(run: Run, command: str) -> "JudgedRun":
    from residual.evaluation.test_predictions import load_predictions
    from residual.reporting.judged import JudgedRun, match_answers

    folder, notes = run.folder, []
    found = JudgedRun(
        folder.path,
        folder.state,
        folder.record,
        run.report,
        folder.log_rows(),
        command,
        facts=run.load_trust(),
    )
    if "test" not in found.report:
        return found
    saved = load_predictions(folder.path)
    answers = match_answers(saved, run.classes, found.report["test"]) if saved else None
    if answers is None:
        wrong = "is missing" if saved is None else "is not that of report.json"
        notes.append(
            f"test_predictions.csv {wrong}, so no image is shown. Write it with residual evaluate {folder.path.name}."
        )
        return replace(found, notes=tuple(notes))
    try:
        images = run.data().test
    except (DataError, OSError) as error:
        return replace(found, answers=answers, notes=(f"No image is shown. {error}",))
    found = replace(found, answers=_name_answers(answers, images), images=images)
    with use_device(run._device):
        return _add_network(run, found, images)


def _name_answers(answers: "Answers", images: "Images") -> "Answers":
    """The answers with the names that the data has, which files of earlier versions lack."""
    if images.names is None:
        return answers
    return replace(answers, names=[images.names[i] for i in range(len(images))])


def _add_network(run: Run, found: "JudgedRun", images: "Images") -> "JudgedRun":
    """Add what the network itself says: probabilities and heat maps; a note if it cannot."""
    from residual.evaluation.predict import predict_probabilities

    try:
        model = run.model
    except ResidualError as error:
        return replace(found, notes=(*found.notes, f"There are no heat maps. {error}"))
    found = replace(found, probabilities=predict_probabilities(model, images.x))
    try:
        return replace(found, overlays=_draw_overlays(run, found, images))
    except ResidualError as error:
        return replace(found, notes=(*found.notes, f"There are no heat maps. {error}"))


def _draw_overlays(run: Run, found: "JudgedRun", images: "Images") -> "dict[int, np.ndarray]":
    """Heat maps over the surest mistakes, by the image's number."""
    import numpy as np

    from residual._run import open_classifier
    from residual.inspection.explaining import explain_images
    from residual.inspection.explaining.shown import ShownImages
    from residual.reporting.answers import choose_mistakes

    answers = found.answers
    chosen = choose_mistakes(answers) if answers is not None else []
    if not chosen or answers is None:
        return {}
    pixels = np.stack([np.asarray(images.x[i]) for i in chosen])
    shown = ShownImages([answers.names[i] for i in chosen], pixels, [])
    explained = explain_images(open_classifier(run), shown)
    return {i: one.make_overlay() for i, one in zip(chosen, explained, strict=True)}
