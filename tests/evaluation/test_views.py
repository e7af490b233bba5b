"""Several views of each image: what they show, and their scores beside those of the network alone."""

import json

import numpy as np
import pytest

from residual.data.images import Images
from residual.errors import DataError
from residual.evaluation.evaluate import evaluate_model
from residual.evaluation.views import VIEWS, View


def test_a_view_is_mirrored_and_moved():
    x = np.arange(9, dtype=np.uint8).reshape(1, 3, 3, 1).repeat(3, 3)
    assert View(mirrored=True).show(x)[0, :, :, 0].tolist() == [[2, 1, 0], [5, 4, 3], [8, 7, 6]]
    assert View(moved=1).show(x)[0, :, :, 0].tolist() == [[0, 0, 1], [0, 0, 1], [3, 3, 4]]
    assert View(moved=-1).show(x)[0, :, :, 0].tolist() == [[4, 5, 5], [7, 8, 8], [7, 8, 8]]
    assert View().show(x) is x


def test_each_set_begins_with_the_image_itself_and_repeats_none():
    for views in VIEWS.values():
        assert views[0] == View()
        assert len(set(views)) == len(views)


class LeftGrey:
    """The probability of class 1 is the grey of the left column, 0 to 100."""

    def predict(self, x, **_):
        bright = np.asarray(x)[:, 0, 0, 0] / 100
        return np.stack([1 - bright, bright], 1).astype(np.float32)


def test_the_mean_is_scored_beside_the_network_alone():
    x = np.zeros((2, 2, 2, 3), np.uint8)
    x[0, :, 0], x[0, :, 1] = 40, 80  # 0.4 alone, 0.6 in the mean
    x[1, :, 0], x[1, :, 1] = 90, 20  # 0.9 and 0.55
    scores = evaluate_model(LeftGrey(), Images(x, np.array([1, 1])), ("dark", "bright"), views="mirror")
    assert (scores.correct, scores.with_views.correct, scores.with_views.count) == (1, 2, 2)
    assert scores.with_views.nll == pytest.approx(-np.log([0.6, 0.55]).mean(), rel=1e-6)
    row = json.loads(json.dumps(scores.to_dict()))["with_views"]
    assert (row["views"], row["n"], row["accuracy"]) == ("mirror", 2, 1.0)
    text = " ".join(str(scores).split())
    assert "accuracy 50.0% (1 of 2" in text
    assert "with 2 views an image (2 times as long): accuracy 100.0% (2 of 2" in text


def test_unknown_views_are_refused_before_anything_is_read():
    from residual._verbs.evaluation import evaluate_on

    with pytest.raises(DataError, match="views must be one of mirror, shift; got 'flip'"):
        evaluate_on("no-such-run", views="flip")
