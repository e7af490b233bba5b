"""A job: what is trained on what, with its data loaded. A run's record holds it, and gives it back."""

import functools
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from residual._console import print_row
from residual.data.balance import imbalance, resampled
from residual.data.fingerprints import STYLE, compute_data_hash, compute_fingerprint
from residual.data.given import GIVEN, load_given, open_given
from residual.data.images import Dataset
from residual.data.load import load_data
from residual.data.named import NAMES, SEARCHED, is_held
from residual.data.passed_over import summarize_passed_over
from residual.data.pixel_store import PixelStore
from residual.data.readers.hub import PREFIX
from residual.data.splits import split_apart
from residual.errors import DataError, ResidualError, RunError
from residual.models.given import GivenNetwork
from residual.models.spec import NetworkSpec
from residual.runs.folder import RunFolder
from residual.runs.record import DataRecord, NetworkRecord, RunRecord
from residual.training.machine import describe_machine
from residual.training.optimizers import name_given
from residual.training.options import TrainOptions
from residual.training.recipe import Recipe
from residual.training.recipes import choose_recipe
from residual.training.start import load_start

# Options that say where to look or what to measure, or that are recorded whole in [network] and [recipe].
_NOT_COMPARED = ("model", "recipe", "epochs", "batch_size", "precision", "search_dir")


@dataclass(frozen=True)
class Job:
    """What is trained on what.

    Attributes:
        options: what was asked.
        data: as it was loaded.
        split: the same with validation images.
        recipe, spec: how to train, and which network; a Keras model given from Python is a GivenNetwork.
        record: run.toml.
        started: `time.perf_counter()` when it was asked for, before the data was read.
    """

    options: TrainOptions
    data: Dataset
    split: Dataset
    recipe: Recipe
    spec: NetworkSpec | GivenNetwork
    record: RunRecord
    started: float

    @functools.cached_property
    def training(self) -> Dataset:
        """The split, with the images of small classes repeated if class_balance is "sample"."""
        repeated = self.options.class_balance == "sample"
        return resampled(self.split, self.options.seed) if repeated else self.split


def make_job(options: TrainOptions) -> Job:
    """Load the data that the options name, and set validation images aside.

    Raises:
        DataError, NetworkError, RecipeError: each says what to do.
    """
    started = time.perf_counter()
    if isinstance(options.model, GivenNetwork) and options.image_size is None:
        options = msgspec.structs.replace(options, image_size=options.model.side)
    data = load_asked(options)
    recipe, spec = choose_recipe(options, data.name)
    _check_network(spec, data)
    split = split_validation(data, options.validation_split, options.seed)
    record = RunRecord(
        started=time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        precision=options.precision,
        data=_describe_data(data, split),
        train=_record_options(options),
        network=NetworkRecord(spec.name, spec.source, _describe_spec(spec)),
        recipe=recipe.to_table(),
        machine=describe_machine(),
    )
    return Job(options, data, split, recipe, spec, record, started)


def load_asked(options: TrainOptions) -> Dataset:
    """The data that the options name or hold.

    Raises:
        DataError: if it cannot be found or read.
    """
    size, most = options.image_size, options.max_unreadable
    if isinstance(options.data, str):
        return load_data(options.data, size, options.search_dir, most)
    return load_given(options.data, size, most)


def _check_network(spec: NetworkSpec | GivenNetwork, data: Dataset) -> None:
    """Refuse a network that does not take these images. This loads Keras: data that is not there is reported before."""
    if isinstance(spec, GivenNetwork):
        from residual.models.given_model import check_given

        check_given(spec, data.size, len(data.classes))
    else:
        from residual.models.build import check_image_size

        check_image_size(spec, (*data.size, 3))


def _describe_spec(spec: NetworkSpec | GivenNetwork) -> dict:
    """The specification for the record; of a Keras model the hash of what the training begins with."""
    if not isinstance(spec, GivenNetwork):
        return msgspec.to_builtins(spec)
    from residual.models.given_model import hash_network

    return {"weights_sha256": hash_network(spec.model)}


def reload_job(folder: RunFolder, data: Any = None, callbacks: Sequence[Any] | None = None) -> Job:
    """The job of a run, its data loaded again.

    Args:
        folder: of the run.
        data: the data of a run that was trained on arrays given from Python, given again.
        callbacks: those of a run that was trained with some, given again.

    Raises:
        DataError: if the data has changed since, or must be given.
        RunError: if run.toml cannot be read, or does not say enough, or callbacks must be given.
    """
    record, started = folder.record, time.perf_counter()
    try:
        options = _reload_options(record)
        recipe = Recipe.from_table(record.recipe)
        spec = _reload_spec(folder, record)
    except (msgspec.ValidationError, ResidualError) as error:
        raise RunError(f"{folder.path / 'run.toml'} is not whole: {error}") from None
    options = _give_again(folder, options, data, callbacks)
    data = load_asked(options)
    split = split_validation(data, options.validation_split, options.seed)
    if compute_data_hash(split, record.data.hash_style) != record.data.data_sha256:
        raise DataError(
            f"The images of {options.data} are not those that {folder.path} was trained on. The run: "
            f"{record.data.source}. Now: {data.source}. Put the data back as it was, or start a new run."
        )
    return Job(options, data, split, recipe, spec, record, started)


def _reload_options(record: RunRecord) -> TrainOptions:
    """What was asked, without a folder to search that did not hold the data: drawn hands, CIFAR-10 of Keras."""
    options = TrainOptions.from_table(record.train)
    if (
        options.search_dir is not None
        and options.data in SEARCHED
        and not is_held(options.data, options.search_dir)
    ):
        return msgspec.structs.replace(options, search_dir=None)
    return options


def _reload_spec(folder: RunFolder, record: RunRecord) -> NetworkSpec | GivenNetwork:
    if record.network.source == GivenNetwork.source:
        return load_start(folder)
    return msgspec.convert(record.network.spec, NetworkSpec)


def _give_again(
    folder: RunFolder, options: TrainOptions, data: Any, callbacks: Sequence[Any] | None
) -> TrainOptions:
    """The options of a record with what it cannot hold."""
    name = folder.path.name
    if data is None and options.data == GIVEN:
        raise DataError(
            f"{folder.path} was trained on {GIVEN}, which a run does not keep. Give the same arrays again: "
            f'residual.resume("{name}", data=...).'
        )
    if options.callbacks and callbacks is None:
        raise RunError(
            f"{folder.path} was trained with callbacks ({', '.join(options.callbacks)}), which a run does not keep. "
            f'Give them again: residual.resume("{name}", callbacks=[...]).'
        )
    given = {"data": data, "callbacks": callbacks}
    return msgspec.structs.replace(
        options, **{key: value for key, value in given.items() if value is not None}
    )


def reload_data(record: RunRecord, data: Any = None) -> Dataset:
    """The data of a run, loaded again as it was asked.

    Args:
        record: of the run.
        data: the data of a run that was trained on arrays given from Python, given again.

    Raises:
        DataError: if it cannot be found or read, or must be given.
    """
    options = _reload_options(record)
    if data is not None:
        return load_given(open_given(data), options.image_size, options.max_unreadable)  # type: ignore[arg-type]
    if options.data == GIVEN:
        raise DataError(
            f"The run was trained on {GIVEN}, which a run does not keep. Give the same arrays again: "
            "residual.evaluate(RUN, data=...)."
        )
    return load_asked(options)


def continue_job(job: Job, folder: RunFolder) -> Job:
    """A job that was asked again, as the interrupted run of the same name that it continues.

    Raises:
        RunError: if the run was asked for otherwise; the message says in what they differ.
    """
    before = folder.record
    differences = _find_differences(job.record, before)
    if not differences and compute_data_hash(job.split, before.data.hash_style) != before.data.data_sha256:
        differences.append("its images were others")
    if job.options.precision not in ("auto", before.precision):
        differences.append(f"precision was {before.precision}, now {job.options.precision}")
    if differences:
        raise RunError(
            f"{folder.path} was interrupted, and was asked for otherwise: {'; '.join(differences)}. Continue it as it "
            f"was with residual train --resume {folder.path.name}, or choose another `name`."
        )
    return replace(job, record=before, recipe=Recipe.from_table(before.recipe))


def split_validation(data: Dataset, share: float, seed: int) -> Dataset:
    """`data` with a validation set: its own, or a stratified share of its training images.

    Training images with the same pixels, or of one group, stay on one side.
    """
    if data.validation is not None:
        return data
    larger, smaller = split_apart(data.train, share, seed, data.groups)
    train, validation = data.train.take(larger), data.train.take(smaller)
    return replace(data, train=train, validation=validation, groups=None)


def print_job(job: Job, folder: RunFolder, console: Console) -> None:
    """Say what is about to be trained on what."""
    split, recipe, options = job.split, job.recipe, job.options
    balance = options.class_balance
    unequal = imbalance(split.train.y, split.classes)
    advice = f"class balance: {balance}" if balance else "see `class_balance`, and read the balanced accuracy"
    counts = (
        f"{len(split.train):,} to train, {len(split.validation):,} to validate, {len(split.test):,} to test"
    )
    pixels = "x".join(map(str, split.size))
    not_named = not isinstance(options.data, str)
    for label, text in (
        ("data", split.source),
        *(("", note) for note in split.notes),
        *(("", text) for text in [summarize_passed_over(split.passed_over)] if text),
        ("", counts),
        *([("", f"{unequal}; {advice}")] if unequal else []),
        *((("", split.train.x.description),) if isinstance(split.train.x, PixelStore) else ()),
        ("network", f"{job.spec.name}, {pixels} pixels, {len(split.classes)} classes"),
        *([("", f"{job.spec.source}, with the weights that it has")] if _is_given(job.spec) else []),
        (
            "recipe",
            f"{recipe.name}: epochs {recipe.epochs}, batch {recipe.batch_size}, {_name_optimizer(job)}",
        ),
        *([("", _describe_callbacks(options.callbacks))] if options.callbacks else []),
        *([("", f"to continue after an interruption, give the {GIVEN} again")] if not_named else []),
        ("run", str(folder.path)),
    ):
        print_row(console, label, text)


def _is_given(spec: NetworkSpec | GivenNetwork) -> bool:
    return isinstance(spec, GivenNetwork)


def _name_optimizer(job: Job) -> str:
    given = job.options.optimizer
    return (
        f"{name_given(given)} given from Python, with its own learning rate"
        if given
        else job.recipe.optimizer
    )


def _describe_callbacks(callbacks: Sequence[Any]) -> str:
    names = ", ".join(type(callback).__name__ for callback in callbacks)
    return f"callbacks {names}: give them again to continue after an interruption; what they remember begins anew"


def resolve_data(data: Any) -> str:
    """How a run records its data: a name as it is, a path in full, what lies in memory as `GIVEN`."""
    if not isinstance(data, str | Path):
        return GIVEN
    if str(data) in NAMES or str(data).startswith(PREFIX):
        return str(data)
    return str(Path(data).expanduser().resolve())


def _record_options(options: TrainOptions) -> dict:
    """The table [train]: what was asked, its paths in full, so that the data is found again from elsewhere."""
    data = resolve_data(options.data)
    table = {**options.to_table(), "data": data}
    table.pop("search_dir", None)
    searched = options.search_dir or os.environ.get("RESIDUAL_DATA")
    searched = searched or ("datasets" if Path("datasets").is_dir() else None)
    if options.data in SEARCHED and searched:
        table["search_dir"] = str(Path(searched).expanduser().resolve())
    return table


def _describe_data(data: Dataset, split: Dataset) -> DataRecord:
    return DataRecord(
        source=data.source,
        classes=data.classes,
        train_images=len(split.train),
        validation_images=len(split.validation),
        test_images=len(data.test),
        image_size=data.size,
        test_fingerprint=compute_fingerprint(data.test),
        data_sha256=compute_data_hash(split),
        hash_style=STYLE,
    )


def _find_differences(now: RunRecord, before: RunRecord) -> list[str]:
    """In what a job differs from an earlier one, a phrase for each."""
    first, second = _flatten(before), _flatten(now)
    names = [name for name in {**first, **second} if first.get(name) != second.get(name)]
    return [
        f"{name} was {_name_value(first.get(name))}, now {_name_value(second.get(name))}" for name in names
    ]


def _flatten(record: RunRecord) -> dict:
    """What must be the same for a run to be continued, by name."""
    options = {**TrainOptions().to_table(), **record.train}
    recipe = {name: value for name, value in record.recipe.items() if name not in ("expected", "about")}
    if "time_budget" in options:
        recipe.pop("epochs", None)  # the budget chose them
    asked = {name: value for name, value in options.items() if name not in _NOT_COMPARED}
    flat = {**asked, "classes": record.data.classes, "network": record.network.spec, **recipe}
    return json.loads(json.dumps(flat))  # tuples are lists in run.toml


def _name_value(value) -> str:
    if isinstance(value, dict):
        return value.get("name") or value.get("kind") or "another"
    return "nothing" if value is None else str(value)
