"""The scores of a run or a model file: on the run's own test images, or on other data."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from residual._open import check_unneeded, find_owner, open_classifier
from residual._run import Run
from residual.errors import DataError, ResidualWarning

if TYPE_CHECKING:
    from residual.data.images import Images
    from residual.evaluation.classifier import Classifier
    from residual.evaluation.metrics import Scores


def evaluate_on(
    run_or_model: str | Path | Run,
    data: Any = None,
    search_dir: str | Path | None = None,
    classes: Sequence[str] | None = None,
    pixels: str | None = None,
    precision_at: float | str | None = None,
    views: str | None = None,
) -> "Scores":
    """Evaluate a run, or any .keras file; the arguments are those of `residual.evaluate`.

    Raises:
        DataError, RunError: as for `residual.evaluate`.
    """
    from residual.data.digests import read_digests
    from residual.evaluation.evaluate import evaluate_model
    from residual.evaluation.predict import find_image_size
    from residual.evaluation.views import check_views

    check_views(views)
    run = run_or_model if isinstance(run_or_model, Run) else find_owner(run_or_model)
    if run is not None and _is_own(run, data):
        check_unneeded(run, classes, pixels)
        return run.evaluate(precision_at, views)
    wanted = _check_precision(run, precision_at)
    if data is None:
        raise DataError(f"data must say on which images to evaluate {run_or_model}: signs, or a path.")
    network = open_noted(run or run_or_model, classes, pixels)
    height, width = find_image_size(network.model)
    if height != width:
        raise DataError(f"The model takes {height}x{width} images; data can only be scaled to squares.")
    labelled = _find_test_images(run_or_model, network, data, height, search_dir)
    known = None if run is None else read_digests(run.folder.training_digests)
    return evaluate_model(
        network.model,
        labelled,
        network.classes,
        None if known is None else [known],
        network.pixels,
        network.facts,
        wanted,
        views,
    )


def _check_precision(run: Run | None, precision_at: float | str | None) -> float | None:
    """The share that was asked for; RunError for a model file, which has nothing to choose a threshold by."""
    from residual.evaluation.verdicts import explain_no_facts

    if run is not None:
        return run.check_precision(precision_at)
    if precision_at is not None:
        raise explain_no_facts()
    return None


def _is_own(run: Run, data: Any) -> bool:
    """Whether `data` is the run's own. Arrays that are given again are kept by the run."""
    from residual.data.given import GIVEN
    from residual.training.job import resolve_data

    recorded = run.folder.record.train["data"]
    if data is None:
        return True
    return resolve_data(data) == recorded and (recorded != GIVEN or run.take_data(data))


def _find_test_images(
    run_or_model: Any, network: "Classifier", data: Any, side: int, search_dir: str | Path | None
) -> "Images":
    """The test images of other data, with the outputs of the network as labels."""
    from residual.data.given import find_pairs, label_images, load_given, open_given
    from residual.data.load import load_data
    from residual.evaluation.evaluate import choose_test_images, map_labels

    if find_pairs(data) is not None:
        if not network.named:
            raise _explain_unnamed(run_or_model, " Please")
        return label_images(data, network.classes, side)
    is_address = isinstance(data, str | Path)
    found = load_data(data, side, search_dir) if is_address else load_given(open_given(data), side)
    images, names = choose_test_images(found)
    if not network.named:
        raise _explain_unnamed(run_or_model, f" The data has the classes {', '.join(names[:10])}:")
    return map_labels(images, names, network.classes)


def _explain_unnamed(run_or_model: Any, classes: str) -> DataError:
    return DataError(
        f"{run_or_model} does not name its outputs, so that no label can be compared with them."
        f"{classes} give the names in the order of the outputs as `classes`."
    )


def open_noted(
    run_or_model: str | Path | Run, classes: Sequence[str] | None, pixels: str | None
) -> "Classifier":
    """A classifier; what is to be known about it is a warning."""
    network = open_classifier(run_or_model, classes, pixels)
    if network.note:
        warnings.warn(network.note, ResidualWarning, stacklevel=4)
    return network
