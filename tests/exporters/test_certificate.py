"""Certificates: what an exported file answers, beside its network."""

import json

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from msgspec.structs import replace

from residual._console import render_text
from residual.backend import processor
from residual.data.images import ImageNames, Images
from residual.engines import open_engine
from residual.errors import DataError
from residual.exporters.certificate import certify
from residual.exporters.certificate_html import format_page
from residual.exporters.certificate_text import print_certificate
from residual.exporters.speed import measure_speed
from tests.support.small_onnx import CARD, write_small_onnx


@pytest.fixture(scope="module")
def images() -> Images:
    """Forty noisy squares; the label is the strongest colour."""
    random = np.random.default_rng(0)
    x = random.integers(0, 120, (40, 8, 8, 3), np.uint8)
    y = np.arange(40) % 3
    x[np.arange(40), :, :, y] += 60
    return Images(x, y)


@pytest.fixture(autouse=True)
def one_turn(monkeypatch):
    monkeypatch.setattr("residual.exporters.speed._TURNS", 1)


def open_small(tmp_path, precision="fp32"):
    path = write_small_onnx(tmp_path / "colours.onnx", replace(CARD, precision=precision))
    return path, open_engine(path)


def test_a_file_that_answers_like_its_network_is_accepted(tmp_path, images):
    path, engine = open_small(tmp_path)
    network = engine.predict(images.x)
    network[7] += (2e-5, -2e-5, 0)
    found = certify(engine, network, images, path, source="squares", timed=False)
    assert found.accepted
    assert (found.n, found.agreeing, found.agreement) == (40, 40, 1.0)
    assert found.agreement_interval == pytest.approx((0.912, 1.0), abs=1e-3)
    assert found.largest_difference == pytest.approx(2e-5, rel=0.05)
    assert found.median_difference == 0
    assert found.differences["1e-5 to 1e-4"] == 1
    assert found.differences["below 1e-6"] == 39
    assert found.worst.image == "validation image 7"
    assert found.worst.truth == CARD.classes[7 % 3]
    assert found.images == "all 40 validation images of squares"
    assert found.file_accuracy == found.network_accuracy
    assert found.change.p == 1
    assert found.speed is None
    named = Images(images.x, images.y, names=ImageNames([f"{i}.png" for i in range(40)], np.arange(40)))
    assert certify(engine, network, named, path, source="squares", timed=False).worst.image == "7.png"
    assert found.file_bytes == path.stat().st_size
    assert found.machine.instruction_sets == processor.list_instruction_sets()
    assert json.loads(found.to_json())["worst"]["file"]["label"] == found.worst.file.label


def test_float_files_must_agree_on_every_image(tmp_path, images):
    path, engine = open_small(tmp_path)
    network = engine.predict(images.x)
    network[3] = np.roll(network[3], 1)
    found = certify(engine, network, images, path, timed=False)
    assert not found.accepted
    assert (found.agreeing, found.worst.image) == (39, "validation image 3")


def test_a_tie_that_rounding_decides_is_no_disagreement(tmp_path, images):
    path, engine = open_small(tmp_path)
    x = images.x.copy()
    x[0] = 77  # three equal probabilities
    tied = Images(x, images.y)
    network = engine.predict(x)
    network[0, 2] += 1e-5
    found = certify(engine, network, tied, path, timed=False)
    assert (found.agreeing, found.accepted) == (39, True)


@pytest.mark.parametrize(("max_loss", "accepted"), [(2.4, False), (2.5, True)])
def test_int8_may_lose_as_much_accuracy_as_is_stated(tmp_path, images, max_loss, accepted):
    path, engine = open_small(tmp_path, "int8")
    network = engine.predict(images.x)
    right = network.argmax(1) == images.y
    wrong = Images(images.x, np.where(np.arange(40) == right.argmax(), (images.y + 1) % 3, images.y))
    network[right.argmax()] = np.eye(3)[wrong.y[right.argmax()]]
    found = certify(engine, network, wrong, path, max_loss=max_loss, timed=False)
    assert found.change.share == pytest.approx(-1 / 40)
    assert (found.change.only_network, found.change.only_file) == (1, 0)
    assert found.accepted == accepted


def test_what_is_not_finite_is_never_accepted(tmp_path, images):
    path, engine = open_small(tmp_path)
    network = engine.predict(images.x)
    network[5] = np.nan
    found = certify(engine, network, images, path, timed=False)
    assert not found.accepted
    assert found.worst.image == "validation image 5"


def test_images_and_probabilities_must_fit(tmp_path, images):
    path, engine = open_small(tmp_path)
    with pytest.raises(DataError, match=r"network must give \(40, 3\) probabilities; got \(2, 3\)"):
        certify(engine, engine.predict(images.x[:2]), images, path)
    with pytest.raises(DataError, match="at least one validation image"):
        certify(engine, np.empty((0, 3)), images.take(slice(0, 0)), path)


def test_the_page_needs_nothing_else_and_escapes_names(tmp_path, images):
    path, engine = open_small(tmp_path)
    engine.card = replace(engine.card, name="<script>alert(1)</script>", classes=("<b>", "green", "blue"))
    page = format_page(certify(engine, engine.predict(images.x), images, path))
    assert "<script" not in page
    assert "<b>&lt;b&gt;" not in page
    assert "&lt;b&gt;" in page
    assert "for all 40 images" in page
    assert "http:" not in page
    assert "https:" not in page
    assert "src=" not in page
    refused = certify(engine, np.roll(engine.predict(images.x), 1, 1), images, path, timed=False)
    assert "Refused" in format_page(refused)


def test_the_terminal_shows_the_figures(tmp_path, images):
    path, engine = open_small(tmp_path)
    found = certify(engine, engine.predict(images.x), images, path)
    text = render_text(lambda console: print_certificate(found, console))
    assert "40 of 40 validation images get the network's class (100.0%, 95% interval 91.2-100.0)" in text
    assert "ONNX Runtime" in text
    assert f"medians of {found.speed.batch_1_calls} and" in text


def test_speed_is_measured_in_turns():
    calls = []

    def make(name):
        def predict(batch):
            calls.append((name, len(batch)))
            return batch

        return predict

    class Clock:
        now = 0.0

    def tick():
        Clock.now += 0.0625  # exact in binary
        return Clock.now

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("residual.exporters.speed._TURNS", 5)
        patch.setattr("residual.exporters.speed.time.perf_counter", tick)
        found = measure_speed({"a": make("a"), "b": make("b")}, np.zeros((5, 2, 2, 3), np.uint8))
    turn = [("a", 1)] * 2 + [("a", 32)] * 4 + [("b", 1)] * 2 + [("b", 32)] * 4
    assert calls == [("a", 1), ("a", 32), ("b", 1), ("b", 32), *turn * 5]
    assert found["a"].batch_1_ms == pytest.approx(62.5)
    assert found["b"].batch_32_per_second == pytest.approx(32 / 0.0625)
    assert (found["a"].batch_1_calls, found["a"].batch_32_calls) == (10, 20)
