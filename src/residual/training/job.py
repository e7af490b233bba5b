"""A job: what is trained on what, with its data loaded. A run's record holds it, and gives it back."""

import functools
import json
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
from rich.console import Console

from residual._console import print_row
from residual.data.balance import imbalance, resampled
from residual.data.fingerprints import STYLE, compute_data_hash, compute_fingerprint
from residual.data.images import Dataset
from residual.data.load import open_source
from residual.data.named import NAMES, SEARCHED
from residual.data.passed_over import summarize_passed_over
from residual.data.photo_size import choose_photo_size, has_photos
from residual.data.pixel_store import PixelStore
from residual.data.readers.hub import PREFIX
from residual.data.splits import split_apart
from residual.errors import DataError, ResidualError, RunError
from residual.models.spec import NetworkSpec
from residual.runs.folder import RunFolder
from residual.runs.record import DataRecord, NetworkRecord, RunRecord
from residual.training.machine import describe_machine
from residual.training.options import TrainOptions
from residual.training.recipe import Recipe
from residual.training.recipes import choose_recipe

# Options that say where to look or what to measure, or that are recorded whole in [network] and [recipe].
_NOT_COMPARED = ("model", "recipe", "epochs", "batch_size", "precision", "search_dir")


@dataclass(frozen=True)
class Job:
    """What is trained on what.

    Attributes:
        options: what was asked.
        data: as it was loaded.
        split: the same with validation images.
        recipe, spec: how to train, and which network.
        record: run.toml.
        started: `time.perf_counter()` when it was asked for, before the data was read.
    """

    options: TrainOptions
    data: Dataset
    split: Dataset
    recipe: Recipe
    spec: NetworkSpec
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
    data = _load_photos(options)
    from residual.models.build import (
        check_image_size,  # loads Keras: data that is not there is reported before
    )

    recipe, spec = choose_recipe(options, data.name)
    check_image_size(spec, (*data.size, 3))
    split = split_validation(data, options.validation_split, options.seed)
    record = RunRecord(
        started=time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        precision=options.precision,
        data=_describe_data(data, split),
        train=_record_options(options),
        network=NetworkRecord(spec.name, spec.source, msgspec.to_builtins(spec)),
        recipe=recipe.to_table(),
        machine=describe_machine(),
    )
    return Job(options, data, split, recipe, spec, record, started)


def reload_job(folder: RunFolder) -> Job:
    """The job of a run, its data loaded again.

    Raises:
        DataError: if the data has changed since.
        RunError: if run.toml cannot be read, or does not say enough.
    """
    record, started = folder.record, time.perf_counter()
    try:
        options = TrainOptions.from_table(record.train)
        spec = msgspec.convert(record.network.spec, NetworkSpec)
        recipe = Recipe.from_table(record.recipe)
    except (msgspec.ValidationError, ResidualError) as error:
        raise RunError(f"{folder.path / 'run.toml'} is not whole: {error}") from None
    data = reload_data(record)
    split = split_validation(data, options.validation_split, options.seed)
    if compute_data_hash(split, record.data.hash_style) != record.data.data_sha256:
        raise DataError(
            f"The images of {options.data} are not those that {folder.path} was trained on. The run: "
            f"{record.data.source}. Now: {data.source}. Put the data back as it was, or start a new run."
        )
    return Job(options, data, split, recipe, spec, record, started)


def reload_data(record: RunRecord) -> Dataset:
    """The data of a run, loaded again as it was asked.

    Raises:
        DataError: if it cannot be found or read.
    """
    return _load_photos(TrainOptions.from_table(record.train), record.data.image_size[0])


def _load_photos(options: TrainOptions, recorded: int | None = None) -> Dataset:
    """The data that the options name; photos are scaled to a size that suits them if none is asked for.

    Args:
        options: what was asked.
        recorded: the side that the photos were scaled to before; None chooses it.
    """
    source, side = open_source(options.data, options.search_dir), options.image_size
    if side is None and has_photos(source):
        side = recorded
        if side is None and (chosen := choose_photo_size(source)):
            source, side = source.with_notes(chosen.reason), chosen.side
    return source.to_dataset(side, options.max_unreadable)


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
    split, recipe, balance = job.split, job.recipe, job.options.class_balance
    unequal = imbalance(split.train.y, split.classes)
    advice = f"class balance: {balance}" if balance else "see `class_balance`, and read the balanced accuracy"
    counts = (
        f"{len(split.train):,} to train, {len(split.validation):,} to validate, {len(split.test):,} to test"
    )
    pixels = "x".join(map(str, split.size))
    for label, text in (
        ("data", split.source),
        *(("", note) for note in split.notes),
        *(("", text) for text in [summarize_passed_over(split.passed_over)] if text),
        ("", counts),
        *([("", f"{unequal}; {advice}")] if unequal else []),
        *((("", split.train.x.description),) if isinstance(split.train.x, PixelStore) else ()),
        ("network", f"{job.spec.name}, {pixels} pixels, {len(split.classes)} classes"),
        ("recipe", f"{recipe.name}: epochs {recipe.epochs}, batch {recipe.batch_size}, {recipe.optimizer}"),
        ("run", str(folder.path)),
    ):
        print_row(console, label, text)


def resolve_data(data: str | Path) -> str:
    """How a run records its data: a name as it is, a path in full."""
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
