"""Small ONNX graphs, made node by node."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SHAPE = (2, 3, 9, 8)


def make_model(
    nodes: list[tuple],
    constants: dict[str, np.ndarray] | None = None,
    *,
    shape: tuple = SHAPE,
    opset: int = 18,
    outputs: tuple[str, ...] = ("y",),
) -> onnx.ModelProto:
    """A model that computes "y" of the image "x".

    Args:
        nodes: (operator, inputs, outputs, attributes), names separated by blanks.
        constants: arrays by name.
        shape: of "x".
        opset: version of the operators.
        outputs: names of the tensors that the model returns.
    """
    made = [
        helper.make_node(
            op, inputs.split(" ") if inputs else [], names.split(" "), name=f"node {names}", **attributes
        )
        for op, inputs, names, attributes in nodes
    ]
    graph = helper.make_graph(
        made,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None if n == 2 else n for n in shape])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(values, name) for name, values in (constants or {}).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def write_model(path: Path, *arguments, **options) -> Path:
    """As `make_model`, in a file."""
    path.write_bytes(make_model(*arguments, **options).SerializeToString())
    return path


def run_model(path: Path, x: np.ndarray) -> np.ndarray:
    """What ONNX Runtime makes of "x"."""
    from residual.engines.telemetry import import_onnxruntime

    session = import_onnxruntime().InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["y"], {"x": x})[0]
