"""Charts, pictures and names of images, without a page."""

import numpy as np
import pytest

from residual.data.images import ImageNames, Images
from residual.evaluation.test_predictions import load_predictions, save_predictions
from residual.reporting.charts import choose_ticks, draw_lines
from residual.reporting.pictures import Pictures


def test_predictions_have_the_names_of_the_data(tmp_path):
    names = ImageNames("abc", np.arange(3))
    images = Images(np.zeros((3, 2, 2, 3), np.uint8), np.array([0, 1, 0]), None, names)
    taken = images.take(np.array([2, 0]))
    save_predictions(np.eye(2), taken.y, ("x", "y"), tmp_path, taken.names)
    assert load_predictions(tmp_path).images == ["c", "a"]


def test_values_that_are_not_finite_are_left_out():
    assert choose_ticks(0, 1) == pytest.approx([0, 0.5, 1])
    chart = draw_lines("title", "unit", [("a", [1.0, float("nan"), 3.0])])
    assert len(chart.lines[0].points.split()) == 2
    assert draw_lines("title", "unit", [("a", [float("nan")])]) is None


def test_pictures_stop_at_the_limit():
    pictures = Pictures(most=0)
    assert pictures.encode(np.zeros((4, 4, 3), np.uint8)) is None
    assert pictures.left_out == 1
