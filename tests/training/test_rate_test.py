"""The learning-rate range test: where the loss falls fastest, what is refused, and the files."""

import json

import numpy as np
import pytest

import residual
from residual.errors import RecipeError, RunError
from residual.training.rate_test import find_rates, smooth
from tests.support.made import QUICK, striped


def test_the_suggestion_is_where_the_loss_falls_fastest():
    rates = np.geomspace(1e-6, 10, 141)
    log = np.log10(rates)
    losses = 2.5 - 2 / (1 + np.exp(-4 * (log + 3))) + np.exp(4 * (log - 0.5))
    noisy = losses + 0.05 * np.random.default_rng(0).normal(size=len(rates))
    suggested, lowest = find_rates(rates, smooth(noisy))
    assert 4e-4 < suggested < 2.5e-3
    assert 5e-3 < lowest < 1
    assert find_rates(rates, np.full(141, 2.5))[0] is None
    assert find_rates(rates, np.linspace(1, 3, 141))[0] is None
    broken = np.where(np.arange(141) == 140, np.nan, losses)
    assert np.isfinite(smooth(broken)).all()


def test_rates_are_tried_on_training_images_and_drawn(tmp_path):
    data, plot = striped(), tmp_path / "rates.svg"
    recipe = QUICK
    found = residual.find_rate(
        data, recipe=recipe, steps=25, lowest=1e-5, highest=1.0, plot=plot, progress=False
    )
    assert len(found.rates) <= 25
    assert found.rates[0] == pytest.approx(1e-5)
    assert (np.diff(found.rates) > 0).all()
    assert found.losses[0] == pytest.approx(found.to_dict()["curve"][0]["loss"])
    assert 0.5 < found.losses[0] < 6
    assert found.recipe_rate == pytest.approx(3e-3)
    assert json.loads(json.dumps(found.to_dict()))["network"] == "cifar-resnet8"
    assert plot.read_text("utf-8").startswith("<?xml")
    with pytest.raises(RunError, match=r"rates.svg exists already"):
        residual.find_rate(data, recipe=recipe, plot=plot, progress=False)
    with pytest.raises(RunError, match=r"plot must end in .png or .svg"):
        residual.find_rate(data, recipe=recipe, plot=tmp_path / "rates.jpg", progress=False)
    with pytest.raises(RecipeError, match="steps must be a whole number from 20; got 5"):
        residual.find_rate(data, recipe=recipe, steps=5, progress=False)
    with pytest.raises(RecipeError, match="lowest must be above 0 and below highest"):
        residual.find_rate(data, recipe=recipe, lowest=1, highest=0.1, progress=False)
    assert not (tmp_path / "runs").exists()
