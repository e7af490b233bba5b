"""State dicts that are not whole, or of another network: one message that names the array and what was expected."""

import numpy as np
import pytest

import residual
from residual.errors import RunError
from residual.importers import torch_weights
from residual.importers.imported import ImportOptions
from tests.support.tensor_files import small_state, write_safetensors


def load(tmp_path, state, name="weights.safetensors", **options):
    return torch_weights.load(write_safetensors(tmp_path / name, state), ImportOptions(32, **options))


def without(name: str) -> dict:
    return {key: value for key, value in small_state().items() if key != name}


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (
            without("layer2.0.bn2.running_var"),
            "layer2.0.bn2.running_var is missing; torch-resnet needs it, with shape (12,).",
        ),
        (without("layer1.0.conv2.weight"), "layer1.0.conv2.weight is missing; expected"),
        (without("fc.weight"), "fc.weight is missing; expected (classes, 12): the last layer."),
        (without("conv1.weight"), "conv1.0.weight is missing; expected"),
        (
            {**small_state(), "layer2.0.conv2.weight": np.zeros((12, 12, 5, 5), np.float32)},
            "layer2.0.conv2.weight has shape (12, 12, 5, 5); torch-resnet needs (12, 12, 3, 3).",
        ),
        (
            {**small_state(), "layer2.0.conv1.weight": np.zeros((12,), np.float32)},
            "layer2.0.conv1.weight has shape (12,); expected (outputs, inputs, height, width).",
        ),
        (
            {**small_state(), "conv1.weight": np.zeros((8, 1, 7, 7), np.float32)},
            "conv1.weight has shape (8, 1, 7, 7); torch-resnet needs (8, 3, 7, 7).",
        ),
        (
            {**small_state(), "layer1.0.se.conv.weight": np.zeros((1, 1, 3), np.float32)},
            "layer1.0.se.conv.weight have no place in torch-resnet, which the other arrays describe",
        ),
        (
            {**small_state(), "bn1.bias": np.zeros(8, np.int64)},
            "bn1.bias is of type int64; weights must be floats.",
        ),
        (
            {"blocks.0.attn.qkv.weight": np.zeros((3, 1), np.float32)},
            "holds 1 arrays (blocks.0.attn.qkv.weight, ...), which are not of a ResNet of torchvision or timm",
        ),
    ],
)
def test_one_message_names_the_array(state, message, tmp_path):
    with pytest.raises(RunError) as error:
        load(tmp_path, state)
    assert message in str(error.value)
    assert str(error.value).startswith(str(tmp_path / "weights.safetensors"))


def test_networks_that_smooth_have_the_arrays_of_others(tmp_path):
    with pytest.raises(
        RunError, match="smooths before it strides .resnetaa50.safetensors.: it is not support"
    ):
        load(tmp_path, small_state(), "resnetaa50.safetensors")


def test_another_network_than_the_named_one(tmp_path):
    path = write_safetensors(tmp_path / "weights.safetensors", small_state())
    with pytest.raises(RunError, match="must hold resnet18; by its arrays it holds torch-resnet"):
        residual.load_weights("resnet18", path, image_size=32)
    with pytest.raises(RunError, match="network must be the name of a network, such as resnet50; got 50"):
        residual.load_weights(50, path)  # type: ignore[arg-type]
    with pytest.raises(RunError, match="There is no model file"):
        residual.load_weights("resnet18", tmp_path / "gone.pth")


def test_half_precision_is_widened_and_said(tmp_path):
    state = {name: value.astype(np.float16) if value.ndim else value for name, value in small_state().items()}
    imported = load(tmp_path, state)
    assert "Arrays of float16 became float32, exactly." in imported.notes
    kernel = imported.model.get_layer("stem_conv").get_weights()[0]
    np.testing.assert_array_equal(kernel, state["conv1.weight"].transpose(2, 3, 1, 0).astype(np.float32))
    assert any("6 counters (num_batches_tracked) were left out" in note for note in imported.notes)
    assert imported.arrays == len(state) - 6
