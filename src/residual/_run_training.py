"""The same as the command line, from Python: train, resume, evaluate, predict, build.

Keras is imported when a network is needed: an argument that is wrong is refused before that.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from residual._console import default_console, show_work
from residual._run import Run, check_unneeded, find_owner, open_classifier
from residual._text import describe_value
from residual.errors import DataError, NetworkError, RecipeError, ResidualWarning, RunError
from residual.runs.folder import (
    RESUMABLE,
    RunFolder,
    check_free,
    check_name,
    find_existing,
    find_run,
    new_run,
)
from residual.training.options import MAX_UNREADABLE, TrainOptions
from residual.training.recipe import Recipe

if TYPE_CHECKING:
    import keras
    from rich.console import Console

    from residual.evaluation.classifier import Classifier
    from residual.evaluation.metrics import Scores
    from residual.evaluation.predict import Prediction
    from residual.models.spec import NetworkSpec
    from residual.runs.checkpoints import State
    from residual.training.job import Job

RESUME = ("auto", "never", "always")


def build(
    network: "str | NetworkSpec",
    input_shape: tuple[int | None, int | None, int] = (224, 224, 3),
    classes: int = 1000,
    *,
    normalization: "keras.layers.Layer | None" = None,
) -> "keras.Model":
    """A network by name or spec, with random weights: a stock Keras model.

    Args:
        network: a NetworkSpec, or a name such as "resnet50" or "cifar-resnet20-plain"; `residual list` shows all.
        input_shape: (height, width, 3); None for a side that varies.
        classes: outputs of the softmax.
        normalization: first layer, on raw pixels.

    Raises:
        NetworkError: unknown name, wrong depth, or an input too small.
    """
    from residual.models import zoo
    from residual.models.build import build_network

    sides = input_shape if isinstance(input_shape, tuple | list) else ()
    if len(sides) != 3 or any(side is not None and not isinstance(side, int) for side in sides):
        raise NetworkError(
            f"input_shape must be (height, width, 3), such as (224, 224, 3); got {describe_value(input_shape)}."
        )
    if not isinstance(classes, int) or classes < 1:
        raise NetworkError(f"classes must be a whole number from 1; got {describe_value(classes)}.")
    return build_network(zoo.resolve_spec(network), input_shape, classes, normalization)


def train(
    data: str | Path = "digits",
    *,
    model: "str | NetworkSpec | None" = None,
    recipe: str | Recipe = "default",
    epochs: int | None = None,
    batch_size: int | None = None,
    image_size: int | None = None,
    seed: int = 0,
    validation_split: float = 0.1,
    precision: str = "auto",
    time_budget: str | None = None,
    class_balance: str | None = None,
    max_unreadable: float = MAX_UNREADABLE,
    search_dir: str | Path | None = None,
    name: str | None = None,
    resume: str = "never",
    progress: bool = True,
) -> Run:
    """Train a network in a run folder, `runs/<name>`.

    The validation images are taken from the training images. The test images are not read here, but by
    `Run.evaluate`.

    Args:
        data: what `load_data` takes: "digits", "signs", "cifar10" or a path.
        model: a NetworkSpec or the name of a network; None takes the recipe's.
        recipe: a name, a .toml file or a Recipe; "default" is the one made for the data.
        epochs, batch_size: in place of the recipe's.
        image_size: scale images to (image_size, image_size).
        seed: of weights, order, augmentation and validation split.
        validation_split: share of the training images that is set aside to select on.
        precision: "float32", "bfloat16" or "auto": the one that trains faster here, by a short measurement.
        time_budget: time for the whole, such as "10m" or "1h30m"; as many epochs as fit in it are trained.
        class_balance: for classes with few images: "sample" shows them again until all classes have as many,
            "weights" lets them count more in the loss; None does nothing.
        max_unreadable: share of image files that may be damaged; they are skipped and listed in report.json.
        search_dir: folder searched for "signs" and "cifar10".
        name: of the run; None counts up.
        resume: what happens if a run of this name exists. "never" refuses: a new training never continues an old one
            unasked. "auto" continues it if it was interrupted and the same was asked; the command line does this, so
            that a job that is started again by a scheduler continues. "always" requires such a run.
        progress: show the plan and each epoch, on standard error, in a notebook on standard output.

    Raises:
        DataError, NetworkError, RecipeError, RunError: each says what to do.
    """
    console = _make_console(progress)
    options = TrainOptions(
        data,  # type: ignore[arg-type]
        model,
        recipe,
        epochs,
        batch_size,
        image_size,
        seed,
        validation_split,
        precision,  # type: ignore[arg-type]
        time_budget,
        class_balance,  # type: ignore[arg-type]
        max_unreadable,
        search_dir,  # type: ignore[arg-type]
    )
    return train_run(options, name=name, resume=resume, console=console)


def resume(run: str | Path | Run, *, progress: bool = True) -> Run:
    """Continue a training that was interrupted, or stopped by Ctrl-C, from its last checkpoint.

    On the CPU that it began on, the final weights are those of a training that was never interrupted, bit for bit.
    If the training had finished and only its end was interrupted, the rest of its files is written.

    Args:
        run: a run, its name or its folder.
        progress: as `train` takes it.

    Raises:
        DataError: if the data is not that of the run any more.
        RunError: if there is no such run, if nothing is left to do, or if another process trains it.
    """
    return resume_run(run, console=_make_console(progress))


def train_run(options: TrainOptions, *, name: str | None, resume: str, console: "Console") -> Run:
    """Train what the options ask for; `train` and the command line both come here.

    Args:
        options: what is asked.
        name, resume: as `train` takes them.
        console: where the plan and each epoch are shown.

    Raises:
        DataError, NetworkError, RecipeError, RunError: each says what to do.
    """
    before = check_request(options, name, resume)
    from residual.training.job import continue_job, make_job

    with show_work(console, "reading the images"):
        job = make_job(options)
    if before is not None:
        return _continue(before, continue_job(job, before), console)
    folder = new_run(name, f"{job.data.name}-{job.spec.name}")
    with folder.claim():
        folder.write_record(job.record)
        try:
            return _fit(folder, job, None, console)
        except RecipeError:  # raised before the first step: there is no run
            folder.discard()
            raise


def check_request(options: TrainOptions, name: str | None, resume: str) -> RunFolder | None:
    """Refuse what is wrong in itself, without reading the data and without Keras.

    Args:
        options: what is asked.
        name, resume: as `train` takes them.

    Returns:
        The run of this name that is to be continued; None for a new one.

    Raises:
        DataError, NetworkError, RecipeError, RunError: each says what to do.
    """
    from residual.data.load import check_address
    from residual.training.recipes import choose_recipe

    before = _find_previous(name, resume)
    choose_recipe(options)
    check_address(options.data, options.search_dir)
    return before


def resume_run(run: str | Path | Run, *, console: "Console") -> Run:
    """Continue a run that was interrupted; `resume` and the command line both come here.

    Args:
        run: a run, its name or its folder.
        console: where the plan and each epoch are shown.

    Raises:
        DataError, RunError: as for `resume`.
    """
    folder = run.folder if isinstance(run, Run) else find_run(run)
    if folder.state == "finished":
        return _finish(folder, console)
    from residual.training.job import reload_job

    return _continue(folder, reload_job(folder), console)


def evaluate(
    run_or_model: str | Path | Run,
    data: str | Path | None = None,
    search_dir: str | Path | None = None,
    *,
    classes: Sequence[str] | None = None,
    pixels: str | None = None,
) -> "Scores":
    """Evaluate a run, or any .keras file, on test images.

    If other data than the run's own holds images that the run was trained or selected on, they are counted as leaked,
    and the scores without them are given too.

    Args:
        run_or_model: a run, its name or folder, or a .keras file.
        data: other data than the run's own; if it has no test images of its own, all of it is used.
        search_dir: folder searched for "signs" and "cifar10".
        classes: names of the outputs, in their order, of a .keras file that does not have them.
        pixels: the range that a .keras file of another program takes: "0-255", "0-1" or "-1-1".

    Raises:
        DataError: if the classes of data and network differ or are not known, or a .keras file comes without data.
        RunError: if there is no such run or file.
    """
    from residual.data.digests import read_digests
    from residual.data.load import load_data
    from residual.evaluation.evaluate import choose_test_images, evaluate_model, map_labels
    from residual.evaluation.predict import find_image_size
    from residual.training.job import resolve_data

    run = run_or_model if isinstance(run_or_model, Run) else find_owner(run_or_model)
    if run is not None and (data is None or resolve_data(data) == run.folder.record.train["data"]):
        check_unneeded(run, classes, pixels)
        return run.evaluate()
    if data is None:
        raise DataError(f"data must say on which images to evaluate {run_or_model}: signs, or a path.")
    network = _open_noted(run or run_or_model, classes, pixels)
    height, width = find_image_size(network.model)
    if height != width:
        raise DataError(f"The model takes {height}x{width} images; data can only be scaled to squares.")
    images, names = choose_test_images(load_data(data, height, search_dir))
    if not network.named:
        raise DataError(
            f"{run_or_model} does not name its outputs, so that no label can be compared with them. The data has the "
            f"classes {', '.join(names[:10])}: give the names in the order of the outputs as `classes`."
        )
    known = None if run is None else read_digests(run.folder.training_digests)
    labelled = map_labels(images, names, network.classes)
    return evaluate_model(
        network.model, labelled, network.classes, None if known is None else [known], network.pixels
    )


def predict(
    run_or_model: str | Path | Run,
    images: str | Path | Sequence[str | Path],
    *,
    classes: Sequence[str] | None = None,
    pixels: str | None = None,
) -> "list[Prediction]":
    """Labels and probabilities of image files, folders or patterns.

    Args:
        run_or_model: a run, its name or folder, or a .keras file.
        images: one or several; any size and mode.
        classes, pixels: as `evaluate` takes them. Outputs without names are "output 0", "output 1", ...

    Raises:
        DataError: if a file does not exist. One that is not readable gets a Prediction with an `error`.
        RunError: if there is no such run or model.
    """
    from residual.evaluation.predict import find_images, predict_files

    files = find_images([images] if isinstance(images, str | Path) else images)
    return predict_files(_open_noted(run_or_model, classes, pixels), files)


def _open_noted(
    run_or_model: str | Path | Run, classes: Sequence[str] | None, pixels: str | None
) -> "Classifier":
    """A classifier; what is to be known about it is a warning."""
    network = open_classifier(run_or_model, classes, pixels)
    if network.note:
        warnings.warn(network.note, ResidualWarning, stacklevel=3)
    return network


def _make_console(progress: bool) -> "Console":
    return default_console(stderr=True, quiet=not progress)


def _find_previous(name: str | None, resume: str) -> RunFolder | None:
    """The run of this name that is to be continued, or None; refused before any data is read."""
    if resume not in RESUME:
        raise RunError(f"resume must be one of {', '.join(RESUME)}; got {resume!r}.")
    check_name(name)
    before = None if resume == "never" else find_existing(name)
    if before is not None and (before.state in RESUMABLE or _is_unfinished(before)):
        return before
    if resume == "always":
        known = "is not a run that was interrupted" if before else "is not there"
        raise RunError(
            f'resume="always" needs a run to continue, and {name or "a run without a name"} {known}.'
        )
    check_free(name)
    return None


def _is_unfinished(folder: RunFolder) -> bool:
    """Whether the training has finished and its end was interrupted."""
    return folder.state == "finished" and bool(folder.find_missing())


def _continue(folder: RunFolder, job: "Job", console: "Console") -> Run:
    """Continue a run in its folder, from its last checkpoint."""
    from residual.training.callbacks.checkpoint import load_last_state
    from residual.training.machine import find_machine_changes

    if folder.state == "finished":
        return _finish(folder, console)
    with folder.claim():
        state = load_last_state(folder, console)
        folder.reopen(state.step if state else 0)
        changes = find_machine_changes(job.record.machine)
        if state and changes:
            console.print(f"         since it began {changes}: last digits may differ", highlight=False)
        return _fit(folder, job, state, console)


def _finish(folder: RunFolder, console: "Console") -> Run:
    """Write what is missing of a run whose training has finished; the test scores are written by `Run.evaluate`."""
    from residual.runs import checkpoints

    missing = folder.find_missing()
    if not missing:
        raise RunError(
            f"{folder.path} has finished: there is nothing to resume. To train longer, start a new run."
        )
    console.print(f"{folder.path} has finished training; missing: {', '.join(missing)}", highlight=False)
    with folder.claim():
        checkpoints.remove(folder.checkpoints)
        _draw_curves(folder)
    return Run(folder)


def _fit(folder: RunFolder, job: "Job", state: "State | None", console: "Console") -> Run:
    """Train in a folder that this process has claimed, from the beginning or from a state."""
    from residual.training.fit import fit
    from residual.training.save import save_data_facts

    try:
        save_data_facts(job, folder)
        trained = fit(job, folder, console, state)
        _draw_curves(folder)
    except OSError as error:
        raise RunError(
            f"{error.filename or folder.path} cannot be written or read: {error.strerror or error}. Make room, or "
            "give the rights to write there, and continue with residual train --resume "
            f"{folder.path.name}."
        ) from None
    return Run(folder, job.data, trained)


def _draw_curves(folder: RunFolder) -> None:
    from residual.evaluation.figures import save_curves_png

    if rows := folder.log_rows():
        save_curves_png(rows, folder.path / "curves.png")
