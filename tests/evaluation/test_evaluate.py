"""Judged with and without the test images that the model was trained on."""

import numpy as np

from residual.data.images import Images
from residual.evaluation.evaluate import evaluate_model
from residual.evaluation.wording import leaks


class Bright:
    """Calls an image 1 where its first pixel is over 100, else 0, with probability 0.8."""

    def predict(self, x, **_):
        bright = (x[:, 0, 0, 0] > 100).astype(int)
        return np.where(np.arange(2) == bright[:, None], 0.8, 0.2).astype(np.float32)


def images(*greys: int, labels) -> Images:
    x = np.zeros((len(greys), 2, 2, 3), np.uint8)
    x[:] = np.array(greys)[:, None, None, None]
    return Images(x, np.array(labels))


def test_scores_without_the_leaked_images():
    test = images(10, 20, 200, 210, labels=[0, 1, 1, 0])
    seen = [images(10, 30, labels=[0, 0]).digests, images(200, labels=[1]).digests]
    scores = evaluate_model(Bright(), test, ("dark", "bright"), seen)
    assert (scores.accuracy, scores.leaked) == (0.5, 2)
    assert (scores.without_leaked.n, scores.without_leaked.accuracy) == (2, 0.0)
    assert leaks(scores) == (
        "2 of the 4 test images are also training images; "
        "without, accuracy 0.0% (0 of 2; 95% interval 0.0-65.8%)"
    )
    told = scores.to_dict()
    assert (told["leaked"], told["without_leaked"]["n"], told["without_leaked"]["leaked"]) == (2, 2, None)


def test_nothing_leaked_and_everything_leaked():
    test = images(10, 200, labels=[0, 1])
    clean = evaluate_model(Bright(), test, ("dark", "bright"), [images(11, labels=[0]).digests])
    assert (clean.leaked, clean.without_leaked, leaks(clean)) == (0, None, "")
    whole = evaluate_model(Bright(), test, ("dark", "bright"), [test.digests])
    assert (whole.leaked, whole.without_leaked) == (2, None)
    assert leaks(whole) == "2 of the 2 test images are also training images"
    unknown = evaluate_model(Bright(), test, ("dark", "bright"))
    assert (unknown.leaked, leaks(unknown)) == (None, "")
