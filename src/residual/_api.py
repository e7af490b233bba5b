"""The same as the command line, from Python: train, resume, evaluate, predict, build.

Keras is imported when a network is needed: an argument that is wrong is refused before that.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from residual._console import default_console
from residual._open import find_engine, open_classifier
from residual._run import Run
from residual._text import describe_value
from residual._verbs.evaluation import evaluate_on
from residual._verbs.export import export_run
from residual._verbs.training import resume_run, train_run
from residual.backend import import_keras_quietly
from residual.backend.cluster import Cluster
from residual.backend.devices import check_device, use_device
from residual.errors import NetworkError, ResidualWarning
from residual.training.options import MAX_UNREADABLE, TrainOptions
from residual.training.recipe import Recipe

if TYPE_CHECKING:
    import keras
    import numpy as np
    from PIL.Image import Image
    from rich.console import Console

    from residual._verbs.series import Series
    from residual.data.images import Dataset
    from residual.evaluation.metrics import Scores
    from residual.evaluation.predictions import PredictionList
    from residual.exporters.exported import Exported
    from residual.models.spec import NetworkSpec


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

    sides = input_shape if isinstance(input_shape, tuple | list) else ()
    if len(sides) != 3 or any(side is not None and not isinstance(side, int) for side in sides):
        raise NetworkError(
            f"input_shape must be (height, width, 3), such as (224, 224, 3); got {describe_value(input_shape)}."
        )
    if not isinstance(classes, int) or classes < 1:
        raise NetworkError(f"classes must be a whole number from 1; got {describe_value(classes)}.")
    spec = zoo.resolve_spec(network)
    import_keras_quietly()
    from residual.models.build import build_network

    return build_network(spec, input_shape, classes, normalization)


def train(
    data: "str | Path | Dataset | Sequence[Any]" = "digits",
    *,
    model: "str | NetworkSpec | keras.Model | None" = None,
    recipe: str | Recipe = "default",
    weights: str | Path | Run | None = None,
    freeze: str | None = None,
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
    optimizer: "keras.optimizers.Optimizer | None" = None,
    callbacks: "Sequence[keras.callbacks.Callback] | None" = None,
    engine: bool = True,
    report: bool = True,
    name: str | None = None,
    resume: str = "never",
    device: str = "auto",
    devices: int | str | None = None,
    coordinator: str | None = None,
    processes: int | None = None,
    process_id: int | None = None,
    progress: bool = True,
    live: bool = False,
) -> Run:
    """Train a network in a run folder, `runs/<name>`.

    The validation images are taken from the training images. The test images are not read here, but by
    `Run.evaluate`. A model, an optimizer and arrays that are given stay as they are: copies are trained.

    Args:
        data: what `load_data` takes: "digits", "signs", "cifar10" or a path. Or a Dataset, or arrays of images and
            labels (x, y), or ((x_train, y_train), (x_test, y_test)) as keras.datasets return them; a run does not
            keep these, so they must be given again to resume it.
        model: a NetworkSpec or the name of a network; None takes the recipe's. Or a Keras model, functional or
            Sequential, of Keras's own layers; the training begins with its weights.
        recipe: a name, a .toml file or a Recipe; "default" is the one made for the data, with `weights` "finetune".
        weights: trained weights to begin with, in place of `model`: a run, its name or folder, or a .keras file. The
            network gets a new head for the classes of the data.
        freeze: in place of the recipe's: "none", "body" for all but the head, or the last part that stays as it is:
            "stem", "stage1", "stage2", ...
        epochs, batch_size: in place of the recipe's.
        image_size: scale images to (image_size, image_size); None scales photos to 64, 96 or 128 pixels, by their own
            size and number, and leaves arrays as they are; with `weights` it is the size that they were trained on.
        seed: of weights, order, augmentation and validation split.
        validation_split: share of the training images that is set aside to select on.
        precision: "float32", "bfloat16" or "auto": the one that trains faster here, by a short measurement.
        time_budget: time for the whole, such as "10m" or "1h30m"; as many epochs as fit in it are trained.
        class_balance: for classes with few images: "sample" shows them again until all classes have as many,
            "weights" lets them count more in the loss; None does nothing.
        max_unreadable: share of image files that may be damaged; they are skipped and listed in report.json.
        search_dir: folder searched for "signs" and "cifar10".
        optimizer: one of Keras's, in place of the recipe's optimizer, schedule, weight decay, `bias_rate` and
            `depth_decay`; it has a learning rate or schedule of its own. Its weight decay leaves biases and batch norms
            alone, as that of recipes does.
        callbacks: Keras callbacks. A run records their names; they must be given again to resume it.
        engine: write engine.onnx at the end, if onnx and onnxruntime are installed: predictions do not load Keras then.
        report: write report.html at the end, a page of the run; `Run.evaluate` adds the test images to it.
        name: of the run; None counts up.
        resume: what happens if a run of this name exists. "never" refuses: a new training never continues an old one
            unasked. "auto" continues it if it was interrupted and the same was asked; the command line does this, so
            that a job that is started again by a scheduler continues. "always" requires such a run.
        device: "auto", "cpu", "gpu", or "gpu:1" for the second one.
        devices: how many devices of this machine train together, or "all"; on JAX. None and 1 take one. On a processor
            JAX makes that many of it, if it has not started yet.
        coordinator, processes, process_id: of several processes that train together: the "HOST:PORT" of process 0, how
            many there are, and which this one is, from 0. All of them or none are given.
        progress: show the plan and each epoch, on standard error, in a notebook on standard output.
        live: show the curves in a browser on this machine meanwhile; the plan says at which address.

    Raises:
        DataError, NetworkError, RecipeError, RunError: each says what to do.
    """
    from residual._verbs.live import open_live

    options = TrainOptions.pick(locals())
    cluster = Cluster.read(devices, coordinator, processes, process_id)
    console = _make_console(progress)
    with open_live(live and not cluster.follows) as page:
        return train_run(
            options, name=name, resume=resume, console=console, device=device, cluster=cluster, live=page
        )


def train_series(
    data: "str | Path | Dataset | Sequence[Any]" = "digits",
    *,
    seeds: int | None = None,
    folds: int | None = None,
    name: str | None = None,
    device: str = "auto",
    devices: int | str | None = None,
    progress: bool = True,
    live: bool = False,
    **options: Any,
) -> "Series":
    """Train the same with several seeds, or with each of several equal parts of the images as validation images.

    Each run is an ordinary one, whose test images are read once, at its end. Mean, spread and interval are in
    `runs/NAME-seeds.json`. If the series was interrupted, the same call with its name continues it.

    Args:
        data: as `train` takes it.
        seeds: how many runs that differ in their seed alone; with `seed` s they are s + 1, s + 2, ...
        folds: how many parts of the training and validation images; images with the same pixels are in one part, and
            the test images stay as they are.
        name: of the series; None counts up. Its runs are NAME-seed1, ... or NAME-fold1, ...
        device, devices, progress, live: as `train` takes them.
        options: the other arguments of `train` on what is trained and how.

    Raises:
        DataError, NetworkError, RecipeError, RunError: as for `train`; also if both seeds and folds are given, or none.
    """
    from residual._verbs.live import open_live
    from residual._verbs.series import choose_kind, train_series

    kind, count = choose_kind(seeds, folds)
    asked = TrainOptions(data=data, **options)  # type: ignore[arg-type]
    console = _make_console(progress)
    with open_live(live) as page:
        return train_series(
            asked,
            name=name,
            kind=kind,
            count=count,
            console=console,
            device=device,
            cluster=Cluster.read(devices),
            live=page,
        )


def resume(
    run: str | Path | Run,
    *,
    data: "Dataset | Sequence[Any] | None" = None,
    callbacks: "Sequence[keras.callbacks.Callback] | None" = None,
    device: str = "auto",
    devices: int | str | None = None,
    coordinator: str | None = None,
    processes: int | None = None,
    process_id: int | None = None,
    progress: bool = True,
    live: bool = False,
) -> Run:
    """Continue a training that was interrupted, or stopped by Ctrl-C, from its last checkpoint.

    On the CPU that it began on, the final weights are those of a training that was never interrupted, bit for bit.
    If the training had finished and only its end was interrupted, the rest of its files is written.

    Args:
        run: a run, its name or its folder.
        data: if the run was trained on a Dataset or arrays: the same again.
        callbacks: if the run was trained with callbacks: such callbacks again; what they remembered is lost.
        device, devices, coordinator, processes, process_id, progress, live: as `train` takes them. The number of
            devices may be another than before: the results differ by rounding then.

    Raises:
        DataError: if the data is not that of the run any more, or must be given.
        RunError: if there is no such run, if nothing is left to do, if another process trains it, or if callbacks must
            be given.
    """
    from residual._verbs.live import open_live

    cluster = Cluster.read(devices, coordinator, processes, process_id)
    console = _make_console(progress)
    with open_live(live and not cluster.follows) as page:
        return resume_run(
            run,
            data=data,
            callbacks=callbacks,
            console=console,
            device=device,
            cluster=cluster,
            live=page,
        )


def evaluate(
    run_or_model: str | Path | Run,
    data: "str | Path | Dataset | Sequence[Any] | None" = None,
    search_dir: str | Path | None = None,
    *,
    classes: Sequence[str] | None = None,
    pixels: str | None = None,
    precision_at: float | str | None = None,
    views: str | None = None,
    device: str = "auto",
) -> "Scores":
    """Evaluate a run, or any .keras file, on test images.

    If other data than the run's own holds images that the run was trained or selected on, they are counted as leaked,
    and the scores without them are given too.

    Args:
        run_or_model: a run, its name or folder, or a .keras file.
        data: other data than the run's own; if it has no test images of its own, all of it is used. A Dataset, or
            arrays (x, y) with names of classes or indices of outputs as labels; of two pairs the second is used.
        search_dir: folder searched for "signs" and "cifar10".
        classes: names of the outputs, in their order, of a .keras file that does not have them.
        pixels: the range that a .keras file of another program takes: "0-255", "0-1" or "-1-1".
        precision_at: a wanted share of right labels, such as 0.99 or "99%": unsure images are set aside, and the
            scores get a `selection` of the others. The threshold is chosen on the validation images.
        views: score the mean over several views of each image too, beside the network alone: "mirror" for the image
            and its mirror image, "shift" for both and the same moved by a pixel, six views in six times the time.
        device: as `train` takes it.

    Raises:
        DataError: if the classes of data and network differ or are not known, or a .keras file comes without data.
        RunError: if there is no such run or file.
    """
    check_device(device)
    import_keras_quietly()
    with use_device(device):
        return evaluate_on(run_or_model, data, search_dir, classes, pixels, precision_at, views)


def predict(
    run_or_model: str | Path | Run,
    images: "str | Path | np.ndarray | Image | Sequence[str | Path | np.ndarray | Image]",
    *,
    classes: Sequence[str] | None = None,
    pixels: str | None = None,
    precision_at: float | str | None = None,
    device: str = "auto",
) -> "PredictionList":
    """Labels and probabilities of images, and which of them are unsure, or unlike all training images.

    A run that keeps an engine, and an exported file, answer without Keras.

    Args:
        run_or_model: a run, its name or folder, a .keras file, or a file that `export` wrote for a runtime.
        images: one or several: image files, folders, patterns, Pillow images, or arrays (height, width, 3) and
            (n, height, width, 3) with pixels from 0 to 255, or floats from 0 to 1; any size and mode.
        classes, pixels: as `evaluate` takes them, of a .keras file. Outputs without names are "output 0", ...
        precision_at: a wanted share of right labels, such as 0.99 or "99%"; predictions below the probability that
            reached it on validation images are unsure. None takes 95%, if a run is named.
        device: as `train` takes it. An engine computes on the processor; for "gpu" Keras computes.

    Raises:
        DataError: if no name stands for an image. One beside others that is missing, or an image that is not
            readable, gets a Prediction with an `error`.
        RunError: if there is no such run or model.
    """
    from residual.evaluation.predict import find_images, predict_images

    found = find_images(images)
    check_device(device)
    network = find_engine(run_or_model, classes, pixels, device)
    if network is not None:
        return predict_images(network, found, precision_at)
    import_keras_quietly()
    with use_device(device):
        network = open_classifier(run_or_model, classes, pixels)
        if network.note:
            warnings.warn(network.note, ResidualWarning, stacklevel=2)
        return predict_images(network, found, precision_at)


def export(
    run_or_model: str | Path | Run,
    to: str = "onnx",
    precision: str = "fp32",
    out: str | Path | None = None,
    *,
    max_loss: float = 0.5,
    certify: bool = True,
    data: "Dataset | Sequence[Any] | None" = None,
    classes: Sequence[str] | None = None,
    pixels: str | None = None,
) -> "Exported":
    """Write a trained network as a file that other programs run, without this package and without Keras.

    The file takes raw RGB pixels, uint8 (n, height, width, 3), and returns probabilities (n, classes). Class names and
    the way to scale images are inside, and in a model card beside it. A file that answers otherwise than the network
    on the validation images is removed. Nothing is overwritten.

    Args:
        run_or_model: a run, its name or folder, or a .keras file.
        to: "onnx", "openvino", "litert", "keras" or "savedmodel".
        precision: "fp32"; "bf16" for openvino; "int8" for onnx and openvino, of a run.
        out: folder to write into; None takes the folder "exports" of the run, or that of the model file.
        max_loss: points of accuracy on the validation images that "bf16" and "int8" may lose.
        certify: compare the file with the network on the validation images of the run, and write a certificate.
        data: if the run was trained on a Dataset or arrays: the same again.
        classes, pixels: as `evaluate` takes them, of a .keras file.

    Returns:
        What was written. `str` of it is a sentence.

    Raises:
        DataError: if the data of the run has changed or cannot be found.
        ExportRefused: if the file answers otherwise than the network.
        RunError: if there is no such run, a layer cannot be exported, a package is missing, or a file is there already.
    """
    return export_run(
        run_or_model,
        to,
        precision,
        out,
        max_loss=max_loss,
        certify=certify,
        data=data,
        classes=classes,
        pixels=pixels,
    )


def _make_console(progress: bool) -> "Console":
    return default_console(stderr=True, quiet=not progress)
