"""The scores of a network on labelled images, whose classes may be ordered in another way."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from residual.data.digests import Digests, find_in
from residual.data.images import Dataset, Images
from residual.data.pixel_store import Pixels, is_lazy, pieces
from residual.errors import DataError
from residual.evaluation.classifier import DEFAULT_PIXELS
from residual.evaluation.metrics import Scores, score
from residual.evaluation.predict import predict_probabilities
from residual.evaluation.trusted import add_trust
from residual.evaluation.views import VIEWS, View, score_views
from residual.trust.facts import TrustFacts

_PIECE = 128  # images; the pieces hold a multiple of them


def evaluate_model(
    model,
    images: Images,
    classes: Sequence[str],
    seen: Sequence[Digests] | None = None,
    pixels: str = DEFAULT_PIXELS,
    facts: TrustFacts | None = None,
    precision_at: float | None = None,
    views: str | None = None,
) -> Scores:
    """Scores of a model on labelled images.

    Args:
        model: as `predict_probabilities` takes it.
        images: the test images.
        classes: names of the outputs.
        seen: digests of the images that the model was trained and selected on, at the same size. Test images with
            the same pixels as one of them are counted, and the scores without them are given too. None if they are
            not known.
        pixels: the range that the model takes, a key of `classifier.PIXELS`.
        facts: of the run that the model is of; None if there are none.
        precision_at: the precision at which unsure images are set aside, 0 to 1; None sets none aside.
        views: of each image, whose mean is scored beside the network alone, a key of `views.VIEWS`; None for none.
    """
    rows = predict_probabilities(model, images.x, pixels=pixels)
    scores = score_images(rows, images, classes, seen, facts, precision_at)
    return add_views(scores, model, images, rows, views, pixels)


def add_views(
    scores: Scores, model, images: Images, rows: np.ndarray, views: str | None, pixels: str = DEFAULT_PIXELS
) -> Scores:
    """The same scores with those of several views of each image; the arguments are those of `evaluate_model`.

    Args:
        rows: (n, k) the probabilities of the images as they are.
    """
    if views is None:
        return scores
    more = [_predict_view(model, images.x, view, pixels) for view in VIEWS[views][1:]]
    return replace(scores, with_views=score_views(views, [rows, *more], images.y))


def _predict_view(model, x: Pixels, view: View, pixels: str) -> np.ndarray:
    parts = (view.show(part) for part in pieces(x, _PIECE))
    return np.concatenate([predict_probabilities(model, part, pixels=pixels) for part in parts])


def score_images(
    rows: np.ndarray,
    images: Images,
    classes: Sequence[str],
    seen: Sequence[Digests] | None = None,
    facts: TrustFacts | None = None,
    precision_at: float | None = None,
) -> Scores:
    """Scores of the probabilities (n, k) that a model gave `images`; the rest as for `evaluate_model`."""
    scores = add_trust(score(rows, images.y, classes), rows, images.y, facts, precision_at)
    if seen is None or is_lazy(images.x):  # images that are decoded on demand are known by their names alone
        return scores
    leaked = find_in(images.digests, seen)
    rest = ~leaked
    without = score(rows[rest], images.y[rest], classes) if leaked.any() and rest.any() else None
    return replace(scores, leaked=int(leaked.sum()), without_leaked=without)


def choose_test_images(data: Dataset) -> tuple[Images, tuple[str, ...]]:
    """The test images; all images if the data has no test set of its own."""
    if not data.made_test:
        return data.test, data.classes
    return data.train.and_also(data.test), data.classes


def map_labels(images: Images, names: Sequence[str], classes: Sequence[str]) -> Images:
    """The same images with labels that are indices into `classes` instead of `names`.

    Raises:
        DataError: if a name is not in `classes`.
    """
    missing = [name for name in names if name not in classes]
    if missing:
        raise DataError(
            f"The data has classes that the network does not know: {', '.join(missing[:5])}. It knows "
            f"{', '.join(list(classes)[:10])}."
        )
    index = np.array([list(classes).index(name) for name in names])
    return Images(images.x, index[images.y])
