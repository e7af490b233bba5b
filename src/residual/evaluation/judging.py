"""A network judged on labelled images whose classes may be ordered otherwise."""

from collections.abc import Sequence

import numpy as np

from residual.data.images import Dataset, Images
from residual.errors import DataError
from residual.evaluation import predictions
from residual.evaluation.metrics import Scores, score


def judge(model, images: Images, classes: Sequence[str]) -> Scores:
    """Scores of a model on labelled images."""
    return score(predictions.probabilities(model, images.x), images.y, classes)


def whole_test(data: Dataset) -> tuple[Images, tuple[str, ...]]:
    """The test images; all of them where the data has no test set of its own."""
    if not data.made_test:
        return data.test, data.classes
    return data.train.and_also(data.test), data.classes


def relabelled(images: Images, names: Sequence[str], classes: Sequence[str]) -> Images:
    """The same images with labels that count in `classes` instead of `names`."""
    missing = [name for name in names if name not in classes]
    if missing:
        raise DataError(
            f"The data has classes that the network does not know: {', '.join(missing[:5])}. It knows "
            f"{', '.join(list(classes)[:10])}."
        )
    index = np.array([list(classes).index(name) for name in names])
    return Images(images.x, index[images.y])
