"""A run's facts in its scores and predictions: calibrated weights, unsure and unknown images, a wanted precision."""

import keras
import msgspec
import numpy as np
import pytest

import residual
from residual.errors import DataError, RunError
from residual.evaluation.trusted_text import describe_trust
from residual.trust.facts import NAME
from residual.trust.temperature import apply_temperature, find_nll
from tests.support.made import QUICK, striped, stripes

OPTIONS = {"precision": "float32", "progress": False}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("trusted"))
        found = residual.train(striped(), recipe=QUICK, **OPTIONS)
        found.folder.path = found.path.resolve()
        found.evaluate(precision_at="90%")
    return found


def test_the_weights_take_the_temperature_and_the_report_says_what_it_changed(run):
    table = run.report["calibration"]
    assert table["temperature"] != 1
    assert table["n"] == 9
    assert set(table["before"]) == set(table["after"])
    before = run.report["test"]["before_calibration"]
    probabilities = run.model.predict(run.data().test.x, verbose=0)
    raw = apply_temperature(probabilities, 1 / table["temperature"])
    assert before["nll"] == pytest.approx(find_nll(raw, run.data().test.y), rel=1e-3)
    assert run.report["test"]["nll"] == pytest.approx(find_nll(probabilities, run.data().test.y), rel=1e-3)


def test_another_file_of_facts_is_not_believed(run, monkeypatch):
    assert run.load_trust().weights_sha256 == run.report["weights_sha256"]
    monkeypatch.setitem(run._unsaved, "weights_sha256", "another")
    assert run.load_trust() is None


def test_the_precision_asked_for_is_in_scores_and_text(run):
    scores = run.evaluate(precision_at=0.9)
    kept = scores.selection
    assert kept.threshold.precision == 0.9
    assert 0 <= kept.correct <= kept.kept <= kept.n == 24
    assert run.report["test"]["selection"]["kept"] == kept.kept
    lines = describe_trust(scores)
    assert "before calibration" in lines[0]
    assert lines[2].startswith("at a precision of 90%: ")
    assert "validation images" in lines[3]
    assert run.evaluate().selection is None


def test_noise_is_unknown_and_known_images_are_not(run):
    known = residual.predict(run, stripes(24, 7).x)
    assert sum(one.doubt == "unknown" for one in known) <= 6  # nine validation images promise a tenth
    noise = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3)).astype(np.uint8)
    strange = residual.predict(run, noise)
    assert [one.doubt for one in strange] == ["unknown"] * 8
    assert "unknown: 8 of 8 images, unlike the training images" in str(strange)
    facts = strange[0].to_dict()
    assert (facts["verdict"], facts["distance"] > run.load_trust().limit.distance) == ("unknown", True)
    assert facts["reason"].startswith("unlike the training images: its distance is ")


def test_what_is_not_certain_enough_is_unsure(run, monkeypatch):
    facts = run.load_trust()
    monkeypatch.setattr(type(facts), "limit", None)
    top = run.model.predict(stripes(24, 7).x, verbose=0).max(1)
    found = run.predict(stripes(24, 7).x, precision_at=0.999999)
    assert [one.doubt for one in found] == ["unsure" if p < found.threshold.probability else "" for p in top]
    assert found.threshold.precision == 0.999999
    if any(one.doubt for one in found):
        assert "chosen for a precision of 99.9999%" in str(found)


def test_a_precision_needs_facts_and_must_be_one(run, tmp_path):
    with pytest.raises(DataError, match="precision_at must be a share such as 99% or 0.99"):
        run.predict(stripes(2, 0).x, precision_at=99)
    keras.Model(run.model.input, run.model.output).save(tmp_path / "alone.keras")
    assert residual.predict(tmp_path / "alone.keras", stripes(2, 0).x)[0].verdict is None
    for ask in (residual.predict, residual.evaluate):
        with pytest.raises(RunError, match="`precision_at` needs what the validation images showed"):
            ask(tmp_path / "alone.keras", stripes(2, 0).x, precision_at=0.9)


def test_a_run_without_facts_predicts_as_before(run, monkeypatch):
    file = run.path / NAME
    hidden = file.rename(file.with_suffix(".away"))
    try:
        assert run.predict(stripes(2, 0).x)[0].verdict is None
        assert run.evaluate().before_calibration is None
    finally:
        hidden.rename(file)


def test_a_recipe_can_leave_the_probabilities_as_they_are(run):
    recipe = msgspec.structs.replace(QUICK, calibrate=False, epochs=1)
    plain = residual.train(striped(), recipe=recipe, **OPTIONS)
    assert plain.report["calibration"]["temperature"] == 1.0
    assert plain.report["calibration"]["note"] == "the recipe says calibrate = false"
    before, after = (plain.report["calibration"][key]["nll"] for key in ("before", "after"))
    assert before == pytest.approx(after, abs=1e-5)
