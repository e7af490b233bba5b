"""A job: what is trained on what, with its data loaded, and the record of it."""

import functools
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from residual.backend import import_keras_quietly
from residual.data.balance import resampled
from residual.data.fingerprints import compute_data_hash, compute_fingerprint, find_style
from residual.data.given import GIVEN, load_given
from residual.data.images import Dataset, Images
from residual.data.load import open_source
from residual.data.named import NAMES, SEARCHED
from residual.data.photo_size import choose_photo_size, has_photos
from residual.data.readers.hub import PREFIX
from residual.data.splits import find_folds, split_apart
from residual.models.given import GivenNetwork, Pretrained, PretrainedNetwork
from residual.models.spec import NetworkSpec
from residual.runs.record import DataRecord, NetworkRecord, RunRecord
from residual.training.find_recipe import choose_recipe
from residual.training.machine import describe_machine
from residual.training.options import TrainOptions
from residual.training.recipe import Recipe


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
        read_features: returns the features float32 (n, d) of images, if the body of the network is not trained; None if
            it is, or if nobody has them.
    """

    options: TrainOptions
    data: Dataset
    split: Dataset
    recipe: Recipe
    spec: NetworkSpec | GivenNetwork
    record: RunRecord
    started: float
    read_features: Callable[[Images], np.ndarray] | None = None

    @functools.cached_property
    def training(self) -> Dataset:
        """The split, with the images of small classes repeated if class_balance is "sample"."""
        repeated = self.options.class_balance == "sample"
        return resampled(self.split, self.options.seed) if repeated else self.split


def make_job(
    options: TrainOptions, recorded_side: int | None = None, pretrained: Pretrained | None = None
) -> Job:
    """Load the data that the options name, and set validation images aside.

    Args:
        options: what was asked.
        recorded_side: the side in pixels of the photos of an interrupted run; None chooses it.
        pretrained: the trained weights that the options name. Images are scaled to the size that they were trained on,
            unless the options name another.

    Raises:
        DataError, NetworkError, RecipeError: each says what to do.
    """
    started = time.perf_counter()
    if isinstance(options.model, GivenNetwork) and options.image_size is None:
        options = msgspec.structs.replace(options, image_size=options.model.side)
    if pretrained is not None:
        options = _take_size(options, pretrained)
    data = load_asked(options, recorded_side)
    given = None
    if pretrained is not None:
        data, given = _note_size(data, options, pretrained), _build_transfer(pretrained, data)
    recipe, spec = choose_recipe(options, data.name, given)
    assert spec is not None  # only weights that nobody has opened leave it open
    _check_network(spec, data)
    split = split_as_asked(data, options)
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


def _take_size(options: TrainOptions, pretrained: Pretrained) -> TrainOptions:
    """The options with the image size of the trained weights, if they name none."""
    size = pretrained.image_size
    if options.image_size is not None or size is None or size[0] != size[1]:
        return options
    return msgspec.structs.replace(options, image_size=size[0])


def _note_size(data: Dataset, options: TrainOptions, pretrained: Pretrained) -> Dataset:
    """The data with a note on the size that its images are scaled to."""
    from residual.models.transfer import describe_size

    known, own = pretrained.image_size, data.size
    text = f"images are scaled to {describe_size(own)}"
    if known == own:
        text += f", which {pretrained.name} was trained on"
    elif known is not None:
        text += f"; {pretrained.name} was trained on {describe_size(known)}"
    return replace(data, notes=(*data.notes, text)) if options.image_size is not None else data


def _build_transfer(pretrained: Pretrained, data: Dataset) -> PretrainedNetwork:
    import_keras_quietly()
    from residual.models.transfer import build_transfer

    return build_transfer(pretrained, data.size, len(data.classes))


def load_asked(options: TrainOptions, recorded: int | None = None) -> Dataset:
    """The data that the options name or hold; photos are scaled to a size that suits them if none is asked for.

    Args:
        options: what was asked.
        recorded: the side in pixels that the photos were scaled to before; None chooses it.

    Raises:
        DataError: if it cannot be found or read.
    """
    side, most = options.image_size, options.max_unreadable
    if not isinstance(options.data, str):
        return load_given(options.data, side, most)
    source = open_source(options.data, options.search_dir)
    if side is None and has_photos(source):
        side = recorded
        if side is None and (chosen := choose_photo_size(source)):
            source, side = source.with_notes(chosen.reason), chosen.side
    return source.to_dataset(side, most)


def _check_network(spec: NetworkSpec | GivenNetwork, data: Dataset) -> None:
    """Refuse a network that does not take these images. This loads Keras: data that is not there is reported before."""
    import_keras_quietly()
    if isinstance(spec, GivenNetwork):
        from residual.models.given_model import check_given

        check_given(spec, data.size, len(data.classes))
    else:
        from residual.models.build import check_image_size

        check_image_size(spec, (*data.size, 3))


def _describe_spec(spec: NetworkSpec | GivenNetwork) -> dict:
    """The specification for the record; of a Keras model the hash of what the training begins with."""
    if not isinstance(spec, GivenNetwork):
        return msgspec.to_builtins(spec.to_table())
    if isinstance(spec, PretrainedNetwork) and (origin := spec.origin) is not None:
        facts = {"weights": origin.name, "weights_sha256": origin.weights_sha256, "network": origin.network}
        return {name: value for name, value in {**facts, "license": origin.license}.items() if value}
    from residual.models.given_model import hash_network

    return {"weights_sha256": hash_network(spec.model)}


def split_as_asked(data: Dataset, options: TrainOptions) -> Dataset:
    """`data` with the validation images that the options ask for: a share or a fold.

    Raises:
        DataError: if there are too few images.
    """
    if options.fold_of_folds is None:
        split = split_validation(data, options.validation_split, options.seed)
    else:
        fold, folds = options.fold_of_folds
        split = split_fold(data, fold, folds, options.seed)
    return replace(split, train=split.train.replacing_unreadable(options.max_unreadable))


def split_fold(data: Dataset, fold: int, folds: int, seed: int) -> Dataset:
    """`data` with one of several equal parts of its training and validation images as validation images.

    Images with the same pixels, or of one group, are in one part. The test images stay as they are.

    Args:
        data: its own validation images, if it has any, are parted like the others.
        fold: from 0.
        folds: how many.
        seed: of the draw; the parts of one seed do not overlap.
    """
    images, groups = data.train, data.groups
    if data.validation is not None:
        images = images.and_also(data.validation)
        if groups is not None:  # nothing is known of the validation images
            alone = groups.max(initial=0) + 1 + np.arange(len(data.validation))
            groups = np.concatenate([groups, alone])
    chosen = find_folds(images, folds, seed, groups) == fold
    train, validation = images.take(np.flatnonzero(~chosen)), images.take(np.flatnonzero(chosen))
    return replace(data, train=train, validation=validation, groups=None)


def split_validation(data: Dataset, share: float, seed: int) -> Dataset:
    """`data` with a validation set: its own, or a stratified share of its training images.

    Training images with the same pixels, or of one group, stay on one side.
    """
    if data.validation is not None:
        return data
    larger, smaller = split_apart(data.train, share, seed, data.groups)
    train, validation = data.train.take(larger), data.train.take(smaller)
    return replace(data, train=train, validation=validation, groups=None)


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
    if options.weights is not None and Path(options.weights).expanduser().exists():
        table["weights"] = str(Path(options.weights).expanduser().resolve())
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
        hash_style=find_style(split.train),
    )
