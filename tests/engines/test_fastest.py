"""The runtime of an .onnx file is chosen by measurement."""

import sys

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from msgspec.structs import replace

from residual import _run_engine
from residual.engines import fastest, open_fastest
from residual.engines.openvino import OpenVinoEngine
from residual.errors import RunError
from tests.support.small_onnx import CARD, write_small_onnx

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), np.uint8)


class Fake:
    """An engine that takes a given time for an image."""

    def __init__(self, runtime: str, seconds: float, clock: list[float], rows: float = 0.0):
        self.runtime, self.seconds, self.clock, self.rows = runtime, seconds, clock, rows
        self.sizes: list[int] = []

    def predict(self, images):
        self.clock[0] += self.seconds * len(images)
        self.sizes.append(len(images))
        return np.full((len(images), 3), self.rows, np.float32)


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    time = [0.0]
    monkeypatch.setattr(fastest.time, "perf_counter", lambda: time[0])
    return time


@pytest.fixture
def small(tmp_path):
    return write_small_onnx(tmp_path / "colours.onnx")


def choose(monkeypatch, clock, small, ratio: float, rows: float = 0.0):
    """The choice between ONNX Runtime and an OpenVINO that is `ratio` times as fast."""
    usual = Fake("ONNX Runtime 1", 0.001, clock)
    usual.card = CARD
    other = Fake("OpenVINO 1", 0.001 / ratio, clock, rows)
    monkeypatch.setattr(fastest, "OnnxEngine", lambda *_: usual)
    monkeypatch.setattr(fastest, "_open_in_openvino", lambda *_: other)
    return open_fastest(small, (1, 32))


@pytest.mark.parametrize(
    ("ratio", "runtime"), [(1.3, "OpenVINO 1"), (1.01, "ONNX Runtime 1"), (0.5, "ONNX Runtime 1")]
)
def test_the_faster_runtime_is_taken(monkeypatch, clock, small, ratio, runtime):
    choice = choose(monkeypatch, clock, small, ratio)
    assert choice.engine.runtime == runtime
    usual, other = choice.timings
    assert usual.images_per_second == pytest.approx({1: 1000, 32: 1000})
    assert other.images_per_second == pytest.approx({1: 1000 * ratio, 32: 1000 * ratio})
    assert str(usual) == "ONNX Runtime 1: 1,000 images/s in batches of 1, 1,000 images/s in batches of 32"
    assert list(usual.to_dict()["images_per_second"]) == ["1", "32"]


def test_a_runtime_that_answers_otherwise_is_not_taken(monkeypatch, clock, small):
    choice = choose(monkeypatch, clock, small, ratio=9, rows=0.5)
    assert (choice.engine.runtime, choice.timings) == ("ONNX Runtime 1", ())


def test_the_measurement_of_a_large_network_is_bounded(clock):
    slow = Fake("slow", 0.06, clock)
    fastest.measure_engines([slow, slow], IMAGES[[0] * 32], (1, 32))
    assert max(slow.sizes) == 2
    assert clock[0] < 2.5


def test_both_runtimes_give_the_same(small):
    pytest.importorskip("openvino")
    choice = open_fastest(small, (1, 4))
    assert [timing.runtime.split(" 1")[0].split(" 2")[0] for timing in choice.timings] == [
        "ONNX Runtime",
        "OpenVINO",
    ]
    engine = OpenVinoEngine(small, 1, CARD)
    usual = fastest.OnnxEngine(small)
    np.testing.assert_allclose(engine.predict_all(IMAGES)[0], usual.predict_all(IMAGES)[0], atol=1e-6)
    with pytest.raises(RunError, match="no model card"):
        OpenVinoEngine(small)


def test_what_leaves_no_choice_is_opened_as_usual(tmp_path, small, monkeypatch):
    int8 = write_small_onnx(tmp_path / "int8.onnx", replace(CARD, precision="int8"))
    assert open_fastest(int8, (1,)).timings == ()
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert open_fastest(small, (1,)).engine.runtime.startswith("ONNX Runtime")
    with pytest.raises(RunError, match="There is no exported model"):
        open_fastest(tmp_path / "absent.onnx", (1,))


def test_the_choice_is_made_for_many_images(small, monkeypatch):
    asked = []
    monkeypatch.setattr(fastest, "_open_in_openvino", lambda *arguments: asked.append(arguments))
    _run_engine.open_for(small, 1_999)
    assert not asked
    _run_engine.open_for(small, 2_000)
    assert len(asked) == 1
