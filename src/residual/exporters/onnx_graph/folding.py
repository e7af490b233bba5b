"""A graph made smaller without changing what it computes: norms go into convolutions, paddings too."""

import numpy as np

from residual.exporters.onnx_graph.graph import Graph, Node

_NEVER_NEGATIVE = ("Relu", "Sigmoid", "Clip", "Softmax")  # every Clip here begins at zero or above


def fold(graph: Graph) -> dict[str, str]:
    """Fold what can be folded, and remove the constants that nothing reads any more.

    Returns:
        The tensors that have another name now.
    """
    renamed = _fold_norms(graph)
    _fold_paddings(graph)
    _replace_norms(graph)
    used = {name for node in graph.nodes for name in node.inputs}
    graph.constants = {name: values for name, values in graph.constants.items() if name in used}
    return renamed


def _fold_norms(graph: Graph) -> dict[str, str]:
    """A batch norm that alone reads a convolution or dense layer becomes part of its numbers."""
    makers, readers = {node.output: node for node in graph.nodes}, graph.find_reader_counts()
    kept: list[Node] = []
    renamed: dict[str, str] = {}
    for node in graph.nodes:
        node.inputs = [renamed.get(name, name) for name in node.inputs]
        before = makers.get(node.inputs[0]) if node.op == "ScaleAndShift" else None
        if before is None or before.op not in ("Conv", "Gemm") or readers[node.inputs[0]] != 1:
            kept.append(node)
            continue
        _scale(graph, before, *(graph.constants[name] for name in node.inputs[1:]))
        renamed[node.output] = before.output
        readers[before.output] = readers.get(node.output, 0)
    graph.nodes = kept
    return renamed


def _scale(graph: Graph, node: Node, scale: np.ndarray, shift: np.ndarray) -> None:
    """Multiply the outputs of a convolution or dense layer, and add to them."""
    graph.layer = node.output.rsplit("/", 1)[0]
    kernel = graph.constants[node.inputs[1]].astype(np.float64)
    by_output = scale[:, None, None, None] if node.op == "Conv" else scale
    bias = graph.constants[node.inputs[2]].astype(np.float64) if len(node.inputs) > 2 else 0.0
    node.inputs = [
        node.inputs[0],
        graph.add_constant(kernel * by_output, "kernel"),
        graph.add_constant(bias * scale + shift, "bias"),
    ]


def _fold_paddings(graph: Graph) -> None:
    """Zeros around an image become the padding of the convolutions, or poolings, that read it."""
    makers = {node.output: node for node in graph.nodes}
    for padding in [node for node in graph.nodes if node.op == "Pad"]:
        pads = graph.constants[padding.inputs[1]].tolist()
        readers = [node for node in graph.nodes if padding.output in node.inputs]
        before = makers.get(padding.inputs[0])
        is_positive = before is not None and before.op in _NEVER_NEGATIVE
        ops = ("Conv", "MaxPool") if is_positive else ("Conv",)
        sides = [*pads[2:4], *pads[6:8]]
        if any(pads[:2] + pads[4:6]) or not readers or any(node.op not in ops for node in readers):
            continue
        if any(_is_too_wide(node, sides) for node in readers):
            continue
        for node in readers:
            node.inputs[0] = padding.inputs[0]
            node.attributes["pads"] = [a + b for a, b in zip(node.attributes["pads"], sides, strict=True)]
        graph.nodes.remove(padding)


def _is_too_wide(node: Node, sides: list[int]) -> bool:
    """Whether a pooling would get windows of padding alone, which ONNX does not allow."""
    if node.op != "MaxPool":
        return False
    pads = [a + b for a, b in zip(node.attributes["pads"], sides, strict=True)]
    return any(pad >= window for pad, window in zip(pads, node.attributes["kernel_shape"] * 2, strict=True))


def _replace_norms(graph: Graph) -> None:
    """The batch norms that are left as a product and a sum."""
    nodes: list[Node] = []
    for node in graph.nodes:
        if node.op != "ScaleAndShift":
            nodes.append(node)
            continue
        x, scale, shift = node.inputs
        is_image = node.attributes["is_image"]
        for name in (scale, shift):
            values = graph.constants[name]
            graph.constants[name] = (values[:, None, None] if is_image else values).astype(np.float32)
        nodes.append(Node("Mul", [x, scale], f"{node.output}/product", {}))
        nodes.append(Node("Add", [f"{node.output}/product", shift], node.output, {}))
    graph.nodes = nodes
