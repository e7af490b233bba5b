"""The job of a run that is continued or evaluated later, made again from its record."""

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec

from residual.data.fingerprints import compute_data_hash
from residual.data.given import GIVEN, load_given, open_given
from residual.data.images import Dataset
from residual.data.named import SEARCHED, is_held
from residual.errors import DataError, ResidualError, RunError
from residual.models.given import GivenNetwork, PretrainedNetwork
from residual.models.spec import NetworkSpec
from residual.runs.folder import RunFolder
from residual.runs.record import RunRecord
from residual.training.job import Job, load_asked, split_as_asked
from residual.training.options import TrainOptions
from residual.training.recipe import Recipe
from residual.training.start import load_start

# Options that say where to look or what to measure, or that are recorded whole in [network] and [recipe].
_NOT_COMPARED = ("model", "recipe", "epochs", "batch_size", "precision", "search_dir")


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
        raise RunError(f"{folder.path / 'run.toml'} is incomplete or damaged: {error}") from None
    options = _give_again(folder, options, data, callbacks)
    data = load_asked(options, record.data.image_size[0])
    split = _split_again(folder, data, options)
    return Job(options, data, split, recipe, spec, record, started)


def reload_split(folder: RunFolder, data: Any = None) -> Dataset:
    """The data of a run, divided into the same training and validation images again.

    Args:
        folder: of the run.
        data: the data of a run that was trained on arrays given from Python, given again.

    Raises:
        DataError: if the data has changed since, cannot be found, or must be given.
    """
    record = folder.record
    return _split_again(folder, reload_data(record, data), _reload_options(record))


def _split_again(folder: RunFolder, data: Dataset, options: TrainOptions) -> Dataset:
    """The data with the run's own validation images; DataError if it is not the run's data any more."""
    record = folder.record
    split = split_as_asked(data, options)
    if compute_data_hash(split, record.data.hash_style) != record.data.data_sha256:
        raise DataError(
            f"The images of {record.train['data']} are not those that {folder.path} was trained on. The run: "
            f"{record.data.source}. Now: {data.source}. Put the data back as it was, or start a new run."
        )
    return split


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
    if record.network.source == PretrainedNetwork.source:
        return PretrainedNetwork(load_start(folder).model)
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
    return load_asked(options, record.data.image_size[0])


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
    spec = (
        replace(job.spec, model=load_start(folder).model) if isinstance(job.spec, GivenNetwork) else job.spec
    )
    return replace(job, spec=spec, record=before, recipe=Recipe.from_table(before.recipe))


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
    table = Recipe.from_table(
        record.recipe
    ).to_table()  # with what recipes did not have yet when the run began
    recipe = {name: value for name, value in table.items() if name not in ("expected", "about")}
    if "time_budget" in options:
        recipe.pop("epochs", None)  # the budget chose them
    asked = {name: value for name, value in options.items() if name not in _NOT_COMPARED}
    flat = {**asked, "classes": record.data.classes, "network": record.network.spec, **recipe}
    return json.loads(json.dumps(flat))  # tuples are lists in run.toml


def _name_value(value) -> str:
    if isinstance(value, dict) and "weights" in value:
        return f"{value['weights']} (weights_sha256 {value['weights_sha256'][:8]})"
    if isinstance(value, dict):
        return value.get("name") or value.get("kind") or "another"
    return "nothing" if value is None else str(value)
