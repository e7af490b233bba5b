"""The device that a user asks for: refused before anything is loaded if it is no word for one, or not there."""

import keras
import numpy as np
import pytest
from typer.testing import CliRunner

from residual import backend
from residual.backend.devices import list_devices, use_device
from residual.cli import app
from residual.errors import ResidualError


@pytest.mark.parametrize("device", ["tpu", "gpu:", "cpu:0", "GPU", 0, None])
def test_other_words_are_refused(device):
    message = r"^device gpu:1 is not there: \w+ finds cpu, gpu:0. Choose one of these"
    with pytest.raises(ResidualError, match=message), use_device("gpu:1"):
        raise AssertionError("not refused")


def test_the_processor_is_chosen_inside_and_not_after(monkeypatch):
    assert list_devices()[0] == "cpu"
    monkeypatch.setattr(backend.devices, "_count_tensorflow", lambda: 1)
    before = backend.on_cpu()
    with use_device("cpu"):
        assert backend.on_cpu()
        x = keras.ops.convert_to_numpy(keras.ops.ones(3) + 1)
    assert backend.on_cpu() == before
    np.testing.assert_array_equal(x, 2)


def test_the_command_line_exits_with_2(monkeypatch):
    found = CliRunner().invoke(app, ["train", "digits", "--device", "card"])
    assert (found.exit_code, found.stderr.count("\n")) == (2, 1)
    assert "--device must be auto, cpu, gpu, or gpu:1" in found.stderr
