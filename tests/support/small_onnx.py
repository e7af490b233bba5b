"""A small exported network, written by hand in milliseconds: for tests of what uses exported networks."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from residual.engines.card import KEY, ModelCard

CARD = ModelCard(
    name="colours",
    network="linear",
    classes=("red", "green", "blue"),
    image_size=(8, 8),
    precision="fp32",
    exported_to="onnx",
    source="Coloured squares made by a test.",
)


def write_small_onnx(path: Path, card: ModelCard = CARD) -> Path:
    """A network that says which of the three colours is the strongest: mean of each channel, then softmax.

    Args:
        path: ends in .onnx.
        card: has three classes.

    Returns:
        The path.
    """
    height, width = card.image_size
    weights = numpy_helper.from_array(np.eye(3, dtype=np.float32) / 16, "weights")
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("MatMul", ["mean", "weights"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=-1),
    ]
    graph = helper.make_graph(
        nodes,
        card.name,
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", height, width, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 3])],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(model, {KEY: card.to_json()})
    onnx.save(model, path)
    return path
