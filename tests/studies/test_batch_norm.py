"""The study of batch norms: what it finds in a model file, and a repaired file beside it."""

import keras
import numpy as np
import pytest

from residual._verbs.study import run_study
from residual.errors import DataError, RunError
from residual.studies.batch_norm import BATCH_NORM
from tests.support.made import save_npz, striped
from tests.support.patients import colour_network
from tests.support.study import make_context


@pytest.fixture
def stale(tmp_path, monkeypatch):
    """The path of a Sequential model whose moving mean is far from the striped images that lie beside it."""
    monkeypatch.chdir(tmp_path)
    save_npz(tmp_path / "stripes.npz", striped())
    layers = colour_network((999.0, 0.0, 0.0)).layers
    keras.Sequential([keras.Input((16, 16, 3)), *layers[1:]]).save("stale.keras")
    return "stale.keras"


def test_a_model_is_repaired_in_a_new_file(stale, tmp_path):
    before = (tmp_path / stale).read_bytes()
    result = run_study(
        "batch-norm", stale, data="stripes.npz", pixels="0-255", repair="mended.keras", out="found"
    )
    figures = result.findings.figures
    assert figures["stale"] == figures["layers"] == 1
    assert figures["test_moving"] < 0.8
    assert figures["test_batch"] == figures["test_recomputed"] == 1.0
    assert "saved as mended.keras" in result.findings.closing[-1]
    assert (tmp_path / stale).read_bytes() == before
    mended = keras.models.load_model("mended.keras")
    data = striped()
    said = mended.predict_on_batch(data.test.x.astype("float32")).argmax(1)
    assert said.tolist() == data.test.y.tolist()
    assert np.isclose(mended.get_layer("norm").moving_mean[0], data.train.x[..., 0].mean(), rtol=1e-4)
    assert (tmp_path / "found" / "accuracy.svg").is_file()
    with pytest.raises(RunError, match=r"repair must be a new file; mended\.keras exists"):
        run_study("batch-norm", stale, data="stripes.npz", repair="mended.keras")


def test_a_healthy_model_is_left_alone_and_other_data_refused(tmp_path):
    context = make_context(tmp_path / "s", striped, colour_network(), study="batch-norm")
    found = BATCH_NORM.run(context)
    assert found.title == "All 1 batch norms fit the data"
    assert found.closing[-1] == "There is nothing to repair."
    other = make_context(tmp_path / "t", network=colour_network(), study="batch-norm")
    with pytest.raises(DataError, match="3 outputs and made images 4 classes"):
        BATCH_NORM.run(other)


def test_what_cannot_be_repaired_is_refused(tmp_path):
    for name, text in (("a.h5", "must end in .keras"), ("no/such/a.keras", "no folder")):
        with pytest.raises(RunError, match=text):
            run_study("batch-norm", "stale.keras", data="digits", repair=name)
