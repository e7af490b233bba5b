"""From a functional Keras model to an ONNX model."""

from typing import Any

import keras
import onnx
from onnx import TensorProto, helper, numpy_helper

from residual._keras_graph import call_again, is_functional
from residual.errors import NetworkError, RunError
from residual.exporters.onnx_graph.folding import fold
from residual.exporters.onnx_graph.graph import Graph, Tensor
from residual.exporters.onnx_graph.layers import LAYERS, find_writer
from residual.models.head import find_head

INPUT, OUTPUT, FEATURES = "image", "probabilities", "features"
_OPSET, _IR = 18, 8
_IGNORED = ("training", "mask")  # arguments of calls that prediction does not obey or need


def write_graph(
    model: keras.Model, image_size: tuple[int, int], name: str, with_features: bool = False
) -> onnx.ModelProto:
    """A model that takes raw uint8 RGB "image" (n, height, width, 3) and returns "probabilities" (n, classes).

    Args:
        model: functional, of the stock layers of `LAYERS`; takes raw pixels and returns (n, classes).
        image_size: (height, width).
        name: of the graph.
        with_features: give what the last Dense layer reads as a second output, "features" (n, d), if there is one.

    Raises:
        RunError: if a layer cannot be exported; it names the layer.
    """
    if not is_functional(model) or len(model.inputs) != 1 or len(model.outputs) != 1:
        raise RunError(
            f"The network must be a functional or Sequential Keras model with one input and one output to be "
            f"exported; {model.name} is not."
        )
    graph = Graph(layer=INPUT)
    pixels = Tensor(INPUT, (*image_size, 3))
    turned = graph.add("Transpose", [pixels], perm=[0, 3, 1, 2])
    x = graph.add("Cast", [turned], to=TensorProto.FLOAT)

    head, features = find_head(model) if with_features else None, []

    def write(layer: Any, args: tuple, kwargs: dict[str, Any]) -> Tensor:
        graph.layer = layer.name
        if head is not None and layer is head.dense:
            features.append(args[0])
        return _write_layer(graph, layer, args, kwargs)

    try:
        result = call_again(model, [x], write, ignored=_IGNORED)[0]
    except NetworkError as error:
        raise RunError(str(error)) from None
    if len(result.shape) != 1:
        raise RunError(
            f"The network must return (n, classes) to be exported; it returns (n, {result.shape})."
        )
    renamed = fold(graph)
    graph.layer = OUTPUT
    _name_output(graph, renamed.get(result.name, result.name))
    outputs = {OUTPUT: result.shape[0]}
    if features:
        graph.add("Identity", [renamed.get(features[0].name, features[0].name)], ())
        graph.nodes[-1].output = FEATURES
        outputs[FEATURES] = features[0].shape[0]
    return _make_model(graph, image_size, outputs, name)


def _write_layer(graph: Graph, layer: Any, args: tuple, kwargs: dict[str, Any]) -> Tensor:
    write = find_writer(layer)
    if write is None:
        known = ", ".join(sorted(kind.__name__ for kind in LAYERS))
        raise RunError(
            f"The layer {layer.name} is of the class {type(layer).__name__}, which cannot be exported. Supported: "
            f"{known}."
        )
    extra = {key: value for key, value in kwargs.items() if key not in _IGNORED and value is not None}
    return write(graph, layer, *keras.tree.flatten(args), *keras.tree.flatten(list(extra.values())))


def _name_output(graph: Graph, made: str) -> None:
    """Call the tensor of that name `OUTPUT`."""
    last = next((node for node in graph.nodes if node.output == made), None)
    if last is None or any(made in node.inputs for node in graph.nodes):
        graph.add("Identity", [Tensor(made, ())])
        last = graph.nodes[-1]
    last.output = OUTPUT


def _make_model(
    graph: Graph, image_size: tuple[int, int], outputs: dict[str, int], name: str
) -> onnx.ModelProto:
    nodes = [
        helper.make_node(node.op, node.inputs, [node.output], name=node.output, **node.attributes)
        for node in graph.nodes
    ]
    made = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info(INPUT, TensorProto.UINT8, ["n", *image_size, 3])],
        [
            helper.make_tensor_value_info(key, TensorProto.FLOAT, ["n", count])
            for key, count in outputs.items()
        ],
        [numpy_helper.from_array(values, key) for key, values in graph.constants.items()],
    )
    return helper.make_model(
        made, producer_name="residual", opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR
    )
