"""The same as the command line, from Python: train, resume, evaluate, predict, build."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import keras
from rich.console import Console

from residual import jobs, networks, zoo
from residual._console import default_console, show_work
from residual._run import Run, as_run, open_model
from residual.data import balance as balancing
from residual.data.load import load_data
from residual.data.source import MAX_UNREADABLE
from residual.errors import DataError, RecipeError, RunError
from residual.evaluation import predictions
from residual.evaluation.judging import judge, relabelled, whole_test
from residual.evaluation.metrics import Scores
from residual.evaluation.predictions import Prediction
from residual.evaluation.report import save_curves_png
from residual.jobs import Job
from residual.spec import NetworkSpec
from residual.training import trainer
from residual.training.checkpointing import last_state
from residual.training.checkpoints import State
from residual.training.planning import seconds_of
from residual.training.recipes import Recipe
from residual.training.runs import RESUMABLE, RunFolder, existing_run, find_run, new_run


def build(
    network: str | NetworkSpec,
    input_shape: tuple[int | None, int | None, int] = (224, 224, 3),
    classes: int = 1000,
    *,
    normalization: keras.layers.Layer | None = None,
) -> keras.Model:
    """A network by name or spec, with random weights: a stock Keras model.

    Args:
        network: a NetworkSpec, or a name such as "resnet50" or "cifar-resnet20-plain"; `residual list` shows all.
        input_shape: (height, width, 3); None for a side that varies.
        classes: outputs of the softmax.
        normalization: first layer, on raw pixels.

    Raises:
        NetworkError: unknown name, wrong depth, or an input too small.
    """
    return networks.network(zoo.as_spec(network), input_shape, classes, normalization)


def train(
    data: str | Path = "digits",
    *,
    model: str | NetworkSpec | None = None,
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
    name: str | None = None,
    search_dir: str | Path | None = None,
    console: Console | None = None,
) -> Run:
    """Train a network and keep it in a run folder, `runs/<name>`.

    The validation images are taken from the training images; the test images are not read here, but by
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
        time_budget: time for the whole, such as "10m"; the epochs that fit in it take the place of the recipe's.
        class_balance: what to do about classes with few images: "sample" shows them again until all classes have as
            many, "weights" lets them count more in the loss; None does nothing.
        max_unreadable: share of image files that may be damaged; they are skipped and listed in report.json.
        name: of the run; None counts up. A run of this name that was interrupted goes on, if the same was asked.
        search_dir: folder searched for "signs" and "cifar10".
        console: where progress is shown; None shows it on standard error, in a notebook on standard output.

    Raises:
        DataError, NetworkError, RecipeError, RunError: each says what to do.
    """
    console = console or default_console(stderr=True)
    if time_budget is not None and epochs is not None:
        raise RecipeError("`epochs` and `time_budget` both say how long to train: give one of them.")
    seconds_of(time_budget)
    if not 0 <= seed < 2**32:
        raise RecipeError(f"seed must be a whole number from 0 to {2**32 - 1}; got {seed}.")
    balancing.checked_way(class_balance)
    with show_work(console, "reading the images"):
        job = jobs.new_job(
            data,
            model=model,
            recipe=recipe,
            changes={"epochs": epochs, "batch_size": batch_size},
            image_size=image_size,
            seed=seed,
            validation_split=validation_split,
            precision=precision,
            time_budget=time_budget,
            class_balance=class_balance,
            max_unreadable=max_unreadable,
            search_dir=search_dir,
        )
    return _begun_or_resumed(job, name, precision, console)


def resume(run: str | Path, *, console: Console | None = None) -> Run:
    """Go on with a training that was interrupted, or stopped by Ctrl-C, from its last checkpoint.

    On the CPU that it began on, the final weights are those of a training that was never interrupted, bit for bit.

    Args:
        run: name or folder.
        console: as `train` takes it.

    Raises:
        DataError: when the data is not that of the run any more.
        RunError: when there is no such run, when it has finished, or when another process trains it.
    """
    folder = find_run(run)
    if folder.state == "finished":
        raise RunError(
            f"{folder.path} has finished: there is nothing to resume. To train longer, start a new run."
        )
    return _resumed(folder, jobs.job_of(folder), console or default_console(stderr=True))


def _resumed(folder: RunFolder, job: Job, console: Console) -> Run:
    """Go on with a run in its folder."""
    with folder.claim():
        state = last_state(folder, console)
        folder.reopen(state.step if state else 0)
        changed = jobs.changed_machine(folder.asked["machine"])
        if state and changed:
            console.print(f"         since it began {changed}: last digits may differ", highlight=False)
        return _trained(folder, jobs.as_begun(job), state, console)


def _begun_or_resumed(job: Job, name: str | None, precision: str, console: Console) -> Run:
    """Train a job: on in the interrupted run of this name where there is one, else in a new run."""
    before = existing_run(name)
    if before is not None and before.state in RESUMABLE:
        jobs.check_same(job, before, precision)
        return _resumed(before, replace(job, asked=before.asked), console)
    folder = new_run(name, f"{job.data.name}-{job.spec.name}")
    with folder.claim():
        folder.write_asked(job.asked)
        try:
            return _trained(folder, job, None, console)
        except RecipeError:  # told before the first step: there is no run
            folder.discard()
            raise


def _trained(folder: RunFolder, job: Job, state: State | None, console: Console) -> Run:
    """Train in a folder that this process has claimed, from the beginning or from a state."""
    if job.data.unreadable:
        folder.add_to_report(unreadable=list(job.data.unreadable))
    jobs.announce(console, job, folder)
    balance, seed = job.asked.get("balance"), job.asked["seed"]
    try:
        trained = trainer.fit(
            balancing.resampled(job.split, seed) if balance == "sample" else job.split,
            job.spec,
            job.recipe,
            folder,
            seed=seed,
            precision=job.asked["precision"],
            started=job.started,
            budget=seconds_of(job.asked.get("budget")) if state is None else None,
            class_weights=balancing.class_weights(job.split.train.y) if balance == "weights" else None,
            state=state,
            console=console,
        )
        folder.add_to_report(data_sha256=job.asked["data"]["data_sha256"])
        rows = folder.log_rows()
        if rows:
            save_curves_png(rows, folder.path / "curves.png")
    except OSError as error:
        raise RunError(
            f"{error.filename or folder.path} cannot be written or read: {error.strerror or error}. Make room, or "
            f"give the rights to write there, and go on with residual train --resume {folder.path.name}."
        ) from None
    return Run(folder, job.data, trained)


def evaluate(
    run_or_model: str | Path, data: str | Path | None = None, search_dir: str | Path | None = None
) -> Scores:
    """Judge a run, or any .keras file, on test images.

    Args:
        run_or_model: a run's name or folder, or a .keras file.
        data: other data than the run's own; a folder that has no test images of its own is then used whole.
        search_dir: folder searched for "signs" and "cifar10".

    Raises:
        DataError: when the classes of data and network differ, or a .keras file comes without data.
        RunError: when there is no such run or file.
    """
    run = as_run(run_or_model)
    if run is not None and (data is None or jobs.place(data) == run.folder.data["asked"]):
        return run.evaluate()
    if data is None:
        raise DataError(f"Give `data` to judge {run_or_model} on: signs, cifar10, or a path.")
    model, classes = open_model(run_or_model)
    height, width = predictions.image_size(model)
    if height != width:
        raise DataError(f"The model takes {height}x{width} images; data can only be scaled to squares.")
    images, data_classes = whole_test(load_data(data, height, search_dir))
    return judge(model, relabelled(images, data_classes, classes), classes)


def predict(run_or_model: str | Path, images: str | Path | Sequence[str | Path]) -> list[Prediction]:
    """Labels and probabilities of image files, folders or patterns.

    Args:
        run_or_model: a run's name or folder, or a .keras file.
        images: one or several; any size and mode.

    Raises:
        DataError: when a file is not there. One that cannot be read gets a Prediction with an `error`.
        RunError: when there is no such run or model.
    """
    names = [images] if isinstance(images, str | Path) else images
    files = predictions.find_images(names)
    model, classes = open_model(run_or_model)
    return predictions.predict_files(model, classes, files)
