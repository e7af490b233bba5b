"""Import an ONNX file: a stock Keras model, node by node.

image   -> keras.Input, channels last
node    -> the layer that `operators.OPERATORS` makes of it
array   -> the weight of its layer, exactly once, read back
"""

from pathlib import Path
from typing import Any

import keras

from residual._text import first_line
from residual.errors import RunError
from residual.importers.assign import assign_arrays
from residual.importers.imported import Imported, ImportOptions
from residual.importers.onnx_weights.blocks import name_layers
from residual.importers.onnx_weights.builder import Builder
from residual.importers.onnx_weights.facts import Facts, find_facts
from residual.importers.onnx_weights.file import Node, OnnxFile, read_onnx
from residual.importers.onnx_weights.folding import fold_node
from residual.importers.onnx_weights.operators import OPERATORS
from residual.importers.onnx_weights.tensors import CHANNELS_FIRST, CHANNELS_LAST, Tensor
from residual.importers.preprocessing import make_pixel_layer, reverse_channels
from residual.models.build import raise_recursion_limit

LABEL: str = "an ONNX file of a residual network (.onnx)"
OWN = "its own graph"
_USUAL_SIDE = 224
_QUANTIZED = ("QuantizeLinear", "DequantizeLinear", "QLinearConv", "ConvInteger", "DynamicQuantizeLinear")


def matches(path: Path) -> bool:
    """Whether the file is named .onnx."""
    return path.suffix.lower() == ".onnx" and path.is_file()


def load(path: Path, options: ImportOptions) -> Imported:
    """The network in an ONNX file, with all its arrays.

    Raises:
        RunError: the file is damaged, incomplete or quantized, or holds a node that is not known. The message names
            the node or array.
    """
    file = read_onnx(path)
    facts = find_facts(file)
    sides, notes = _choose_sides(file, facts, options.image_size)
    names, blocks = name_layers(file.nodes, _find_computed(file))
    builder = Builder(
        file, {id(node): name for node, name in zip(file.nodes, names, strict=True)}, file.image.shape[0]
    )
    builder.notes += notes
    image = keras.Input((*sides, 3), name="image")
    pixels = _scale_pixels(image, facts, options)
    axes = CHANNELS_LAST if file.image.is_channels_last else CHANNELS_FIRST
    builder.values[file.image.name] = Tensor(pixels, axes, is_pixels=True)
    with raise_recursion_limit():
        for node in file.nodes:
            _translate(builder, node)
        model = keras.Model(image, _find_output(builder), name=_name_model(path, facts))
    arrays = assign_arrays(path, builder.arrays, model, _list_layers(builder, model))
    preprocessing = facts.preprocessing
    if preprocessing is not None and preprocessing.channels == "bgr" and not facts.takes_raw_pixels:
        reverse_channels(_find_first_convolution(path, model))
    builder.notes += _describe_file(builder, blocks)
    if preprocessing is not None:
        preprocessing = preprocessing.at_size(sides[0])
    return Imported(
        model,
        facts.network or OWN,
        arrays,
        tuple(builder.notes),
        facts.usual_pixels,
        preprocessing,
        facts.license,
        facts.origin,
        facts.classes,
    )


def _choose_sides(file: OnnxFile, facts: Facts, wanted: int | None) -> tuple[tuple[int, int], list[str]]:
    """Height and width to build the network for, and a note if the file leaves them open."""
    height, width = file.image.sides
    if wanted is not None:
        return (wanted, wanted), []
    if height and width:
        return (height, width), []
    side = facts.image_size or (_USUAL_SIDE, _USUAL_SIDE)
    return side, [f"The file does not say the size of its images: {side[1]}x{side[0]} is assumed."]


def _find_computed(file: OnnxFile) -> set[str]:
    """The tensors that depend on the image. Shapes do not count."""
    computed = {file.image.name}
    for node in file.nodes:
        if node.op != "Shape" and computed & set(node.inputs):
            computed.update(node.outputs)
    return computed


def _scale_pixels(image: Any, facts: Facts, options: ImportOptions) -> Any:
    if facts.takes_raw_pixels:
        return image
    layer = None if facts.preprocessing is None else make_pixel_layer(facts.preprocessing)
    if layer is None and options.raw_pixels:
        layer = keras.layers.Rescaling(1 / 255, name="pixels")
    return image if layer is None else layer(image)


def _translate(builder: Builder, node: Node) -> None:
    """Add the layer of one node."""
    if id(node) in builder.skipped:
        return
    try:
        if fold_node(builder, node):
            return
        if node.op not in OPERATORS:
            raise RunError(_explain_unknown(node))
        builder.values[node.outputs[0]] = OPERATORS[node.op](builder, node)
    except RunError as error:
        raise RunError(f"{builder.file.path}: node {node.name} ({node.op}): {error}.") from None
    except (
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
    ) as error:  # of Keras, or a damaged attribute
        raise RunError(
            f"{builder.file.path}: node {node.name} ({node.op}) cannot be rebuilt: {first_line(error)}"
        ) from None


def _explain_unknown(node: Node) -> str:
    if node.op in _QUANTIZED:
        return "the file is quantized; import the file with floating-point numbers that it was made of"
    return f"it is not one of the operators that are rebuilt: {', '.join(OPERATORS)}"


def _find_output(builder: Builder) -> Any:
    """(n, classes) probabilities: the first output of the file, with a softmax if it gives none."""
    file = builder.file
    name = file.outputs[0]
    if name not in builder.values:
        raise RunError(f"{file.path}: output {name} is not computed from the image.")
    if len(file.outputs) > 1:
        builder.notes.append(f"The first output, {name}, is kept; the file has {len(file.outputs)}.")
    tensor = builder.values[name]
    if len(tensor.sizes) == 4 and tensor.sizes[2:] == (1, 1):
        tensor = tensor.reshape([tensor.sizes[1]], "head")
    if len(tensor.axes) != 2:
        raise RunError(f"{file.path}: output {name} must be (n, classes); it is {tensor.sizes}.")
    makers = {output: node.op for node in file.nodes for output in node.outputs}
    if makers.get(name) in ("Softmax", "Sigmoid"):
        return tensor.order_as_file("head_output")
    if makers.get(name) not in ("Gemm", "MatMul", "Add"):
        builder.notes.append(f"The last node is a {makers.get(name)}; a softmax is added after it.")
    else:
        builder.notes.append(
            "The file ends in logits; a softmax is added, so that the network gives probabilities."
        )
    return keras.layers.Activation("softmax", name="head_softmax")(tensor.order_as_file("head_output"))


def _list_layers(builder: Builder, model: keras.Model) -> dict[str, keras.layers.Layer]:
    """The layers with arrays that lead to the output; arrays of others are taken from the list."""
    own = {layer.name for layer in model.layers}
    for name in [name for name in builder.layers if name not in own]:
        del builder.arrays[name], builder.layers[name]
        builder.notes.append(f"Layer {name} does not lead to the output and is left out.")
    return builder.layers


def _find_first_convolution(path: Path, model: keras.Model) -> keras.layers.Layer:
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            return layer
    raise RunError(f"{path} has no convolution, whose channels could be turned from BGR to RGB.")


def _name_model(path: Path, facts: Facts) -> str:
    name = facts.network or path.stem
    return "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in name) or "network"


def _describe_file(builder: Builder, blocks: int) -> list[str]:
    """What the user should know about the file as a whole."""
    notes = [] if blocks else ["The graph has no residual blocks: no two computed tensors are added."]
    unread = [
        name
        for name, values in builder.file.constants.items()
        if name not in builder.used and values.dtype.kind == "f" and values.size > 1
    ]
    if unread:
        notes.append(
            f"No layer uses {len(unread)} of the arrays: {', '.join(unread[:3])}{', ...' * (len(unread) > 3)}."
        )
    if builder.file.is_half:
        notes.append("The file stores numbers of 16 bits; the network computes in float32.")
    if blocks:
        notes.append(f"The graph has {blocks} residual blocks, after which the layers are named.")
    return notes
