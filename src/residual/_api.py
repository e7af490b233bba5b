"""The same as the command line, from Python: train, resume, evaluate, predict, explain, build.

Keras is imported when a network is needed: an argument that is wrong is refused before that.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from residual._console import default_console
from residual._run import Run, open_classifier
from residual._run_evaluation import evaluate_on
from residual._run_training import resume_run, train_run
from residual._text import describe_value
from residual.backend import import_keras_quietly
from residual.backend.devices import check_device, use_device
from residual.errors import NetworkError, ResidualWarning
from residual.training.options import MAX_UNREADABLE, TrainOptions
from residual.training.recipe import Recipe

if TYPE_CHECKING:
    import keras
    import numpy as np
    from PIL.Image import Image
    from rich.console import Console

    from residual.data.images import Dataset
    from residual.evaluation.metrics import Scores
    from residual.evaluation.predictions import PredictionList
    from residual.inspection.explaining.explanation import ExplanationList
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
    name: str | None = None,
    resume: str = "never",
    device: str = "auto",
    progress: bool = True,
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
        recipe: a name, a .toml file or a Recipe; "default" is the one made for the data.
        epochs, batch_size: in place of the recipe's.
        image_size: scale images to (image_size, image_size); None scales photos to 64, 96 or 128 pixels, by their own
            size and number, and leaves arrays as they are.
        seed: of weights, order, augmentation and validation split.
        validation_split: share of the training images that is set aside to select on.
        precision: "float32", "bfloat16" or "auto": the one that trains faster here, by a short measurement.
        time_budget: time for the whole, such as "10m" or "1h30m"; as many epochs as fit in it are trained.
        class_balance: for classes with few images: "sample" shows them again until all classes have as many,
            "weights" lets them count more in the loss; None does nothing.
        max_unreadable: share of image files that may be damaged; they are skipped and listed in report.json.
        search_dir: folder searched for "signs" and "cifar10".
        optimizer: one of Keras's, in place of the recipe's optimizer, schedule and weight decay; it has a learning rate
            or schedule of its own. Its weight decay leaves biases and batch norms alone, as that of recipes does.
        callbacks: Keras callbacks. A run records their names; they must be given again to resume it.
        name: of the run; None counts up.
        resume: what happens if a run of this name exists. "never" refuses: a new training never continues an old one
            unasked. "auto" continues it if it was interrupted and the same was asked; the command line does this, so
            that a job that is started again by a scheduler continues. "always" requires such a run.
        device: "auto", "cpu", "gpu", or "gpu:1" for the second one.
        progress: show the plan and each epoch, on standard error, in a notebook on standard output.

    Raises:
        DataError, NetworkError, RecipeError, RunError: each says what to do.
    """
    options = TrainOptions.pick(locals())
    return train_run(options, name=name, resume=resume, console=_make_console(progress), device=device)


def resume(
    run: str | Path | Run,
    *,
    data: "Dataset | Sequence[Any] | None" = None,
    callbacks: "Sequence[keras.callbacks.Callback] | None" = None,
    device: str = "auto",
    progress: bool = True,
) -> Run:
    """Continue a training that was interrupted, or stopped by Ctrl-C, from its last checkpoint.

    On the CPU that it began on, the final weights are those of a training that was never interrupted, bit for bit.
    If the training had finished and only its end was interrupted, the rest of its files is written.

    Args:
        run: a run, its name or its folder.
        data: if the run was trained on a Dataset or arrays: the same again.
        callbacks: if the run was trained with callbacks: such callbacks again; what they remembered is lost.
        device, progress: as `train` takes them.

    Raises:
        DataError: if the data is not that of the run any more, or must be given.
        RunError: if there is no such run, if nothing is left to do, if another process trains it, or if callbacks must
            be given.
    """
    console = _make_console(progress)
    return resume_run(run, data=data, callbacks=callbacks, console=console, device=device)


def evaluate(
    run_or_model: str | Path | Run,
    data: "str | Path | Dataset | Sequence[Any] | None" = None,
    search_dir: str | Path | None = None,
    *,
    classes: Sequence[str] | None = None,
    pixels: str | None = None,
    precision_at: float | str | None = None,
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
        device: as `train` takes it.

    Raises:
        DataError: if the classes of data and network differ or are not known, or a .keras file comes without data.
        RunError: if there is no such run or file.
    """
    check_device(device)
    import_keras_quietly()
    with use_device(device):
        return evaluate_on(run_or_model, data, search_dir, classes, pixels, precision_at)


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

    Args:
        run_or_model: a run, its name or folder, or a .keras file.
        images: one or several: image files, folders, patterns, Pillow images, or arrays (height, width, 3) and
            (n, height, width, 3) with pixels from 0 to 255, or floats from 0 to 1; any size and mode.
        classes, pixels: as `evaluate` takes them. Outputs without names are "output 0", "output 1", ...
        precision_at: a wanted share of right labels, such as 0.99 or "99%"; predictions below the probability that
            reached it on validation images are unsure. None takes 95%, if a run is named.
        device: as `train` takes it.

    Raises:
        DataError: if no name stands for an image. One beside others that is missing, or an image that is not
            readable, gets a Prediction with an `error`.
        RunError: if there is no such run or model.
    """
    from residual.evaluation.predict import find_images, predict_images

    found = find_images(images)
    import_keras_quietly()
    with use_device(device):
        network = open_classifier(run_or_model, classes, pixels)
        if network.note:
            warnings.warn(network.note, ResidualWarning, stacklevel=2)
        return predict_images(network, found, precision_at)


def explain(
    run_or_model: str | Path | Run,
    images: "str | Path | np.ndarray | Image | Sequence[str | Path | np.ndarray | Image]",
    method: str = "gradcam",
    *,
    label: str | None = None,
    layer: str | None = None,
    out: str | Path | None = None,
    classes: Sequence[str] | None = None,
    pixels: str | None = None,
    device: str = "auto",
) -> "ExplanationList":
    """Where a network looks in images: a heat map for each, and as its control that of the same network with shuffled
    weights.

    Args:
        run_or_model: a run, its name or folder, or a .keras file of a functional or Sequential model.
        images: as `predict` takes them.
        method: "gradcam", "integrated-gradients" or "occlusion".
        label: the class that the maps are about; None takes the most probable one of each image.
        layer: whose maps Grad-CAM looks at; None takes the last one with maps of 7 pixels a side.
        out: a folder for a PNG file of each image; None writes none.
        classes, pixels: as `evaluate` takes them.
        device: as `train` takes it.

    Returns:
        An Explanation for each image that can be read; a notebook shows their pictures. A warning names the others.

    Raises:
        DataError: for an unknown method or label, or if no image can be read.
        NetworkError: if the model has no graph of layers, or no such layer.
        RunError: if there is no such run or model, or one of the PNG files is there already.
    """
    from residual.evaluation.predict import find_images

    wanted = find_images(images)
    import_keras_quietly()
    from residual.inspection.explaining import check_method, explain_images, name_files, read_images
    from residual.inspection.explaining.explanation import ExplanationList

    check_method(method, layer)
    with use_device(device):
        network = open_classifier(run_or_model, classes, pixels)
        if network.note:
            warnings.warn(network.note, ResidualWarning, stacklevel=2)
        shown = read_images(network, wanted)
        files = [] if out is None else name_files(shown.names, method, Path(out))
        found = explain_images(network, shown, method, label=label, layer=layer)
    explanations = ExplanationList(found, files, shown.errors)
    for error in shown.errors:
        warnings.warn(error, ResidualWarning, stacklevel=2)
    explanations.save()
    return explanations


def save_features(
    run_or_model: str | Path | Run,
    images: "str | Path | np.ndarray | Image | Sequence[str | Path | np.ndarray | Image]",
    out: str | Path,
    *,
    data: "Dataset | Sequence[Any] | None" = None,
    classes: Sequence[str] | None = None,
    pixels: str | None = None,
    device: str = "auto",
) -> list[Path]:
    """Draw what a network makes of images: its first filters, the strongest maps of each stage, and the training images
    that are nearest in feature space.

    Args:
        run_or_model, images, classes, pixels, device: as `explain` takes them.
        out: the folder of the PNG files, one for each image.
        data: the data of a run that was trained on arrays, given again; without it the nearest images are left out.

    Returns:
        The files.

    Raises:
        DataError, NetworkError, RunError: as for `explain`.
    """
    from residual.evaluation.predict import find_images

    found = find_images(images)
    import_keras_quietly()
    from residual._run_features import find_nearest
    from residual.inspection.explaining import name_files, read_images
    from residual.inspection.explaining.features import draw_features

    with use_device(device):
        network = open_classifier(run_or_model, classes, pixels)
        shown = read_images(network, found)
        files = name_files(shown.names, "features", Path(out))
        nearest, note = find_nearest(run_or_model, network, shown.pixels, data)
        for text in (*shown.errors, *([note] if note else [])):
            warnings.warn(text, ResidualWarning, stacklevel=2)
        draw_features(network, shown, nearest, files)
    return files


def _make_console(progress: bool) -> "Console":
    return default_console(stderr=True, quiet=not progress)
