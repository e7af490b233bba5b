"""The device that a user asks for: refused before anything is loaded if it is no word for one, or not there."""

import keras
import pytest

import residual
from residual import backend
from residual.backend import devices
from residual.backend.devices import list_devices, use_device
from residual.errors import ResidualError


@pytest.mark.parametrize("device", ["tpu", "gpu:", "cpu:0", "GPU", 0, None])
def test_other_words_are_refused(device):
    message = "device must be auto, cpu, gpu, or gpu:1 for the second one; got"
    for call in (
        lambda: residual.train("digits", device=device),
        lambda: residual.evaluate("x", device=device),
    ):
        with pytest.raises(ResidualError, match=message):
            call()


def test_a_device_that_is_not_there_is_one_message(monkeypatch):
    monkeypatch.setattr(devices, "list_devices", lambda: ["cpu", "gpu:0"])
    message = r"^device gpu:1 is not there: \w+ finds cpu, gpu:0. Choose one of these"
    with pytest.raises(ResidualError, match=message), use_device("gpu:1"):
        raise AssertionError("not refused")


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="pretends that TensorFlow finds a card")
def test_the_processor_is_chosen_inside_and_not_after(monkeypatch):
    import tensorflow as tf

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: ["a card"] * (kind == "GPU"))
    assert list_devices() == ["cpu", "gpu:0"]
    assert not backend.on_cpu()
    with use_device("cpu"):
        assert backend.on_cpu()
        assert keras.ops.convert_to_numpy(keras.ops.ones(()) + 1) == 2
    assert not backend.on_cpu()
