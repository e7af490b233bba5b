"""ONNX files that cannot be imported: one message that names the node or array."""

import numpy as np
import onnx
import pytest

from residual.errors import RunError
from residual.importers import open_pretrained
from tests.support.onnx_graphs import make_model, write_model

KERNEL = {"k": np.ones((4, 3, 3, 3), np.float32)}
NODES = [("Conv", "x k", "c", {}), ("GlobalAveragePool", "c", "p", {}), ("Flatten", "p", "y", {})]


def refuse(path, message: str) -> None:
    with pytest.raises(RunError, match=message) as caught:
        open_pretrained(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        (
            [("Erf", "x", "y", {})],
            r"node node y \(Erf\): it is not one of the operators that are rebuilt: Conv, Gemm",
        ),
        (
            [("QuantizeLinear", "x s z", "y", {})],
            r"\(QuantizeLinear\): the file is quantized; import the file with",
        ),
        ([("Conv", "x none", "y", {})], r"node node y \(Conv\) reads none, which is missing in the file"),
        ([("Conv", "x x", "y", {})], r"\(Conv\): it needs the array x, which is computed from the image"),
        (
            [("Conv", "x k", "y", {"group": 3})],
            r"the array k has shape \(4, 3, 3, 3\); expected is \(filters, 1, height",
        ),
        ([("Conv", "x k", "y", {"strides": [2]})], r"strides \[2\] and pads \[0, 0, 0, 0\] do not fit"),
        ([("Conv", "x k n", "y", {})], r"the array n has shape \(3,\); expected is \(4,\)"),
        ([("Conv", "x i", "y", {})], "the array i holds int64, not floating-point numbers"),
        (
            [("BatchNormalization", "x n n n n", "y", {"training_mode": 1})],
            "it normalizes with the statistics of the batch",
        ),
        ([("Reshape", "x w", "y", {})], r"reshapes \(None, 3, 9, 8\) to \[1, -1, 3\], which mixes images"),
        ([("Relu", "x", "y", {})], r"output y must be \(n, classes\); it is \(None, 3, 9, 8\)"),
        ([("Relu", "x", "z", {}), ("Relu", "x", "z", {})], r"\(Relu\) makes z, which exists already"),
    ],
)
def test_nodes_that_cannot_be_rebuilt(tmp_path, nodes, message):
    more = {
        "s": np.float32(1),
        "z": np.uint8(0),
        "n": np.ones(3, np.float32),
        "i": np.ones((4, 3, 3, 3), np.int64),
    }
    constants = {**KERNEL, **more, "w": np.array([1, -1, 3])}
    read = {name for _, names, _, _ in nodes for name in names.split(" ")}
    constants = {name: values for name, values in constants.items() if name in read}
    refuse(write_model(tmp_path / "bad.onnx", nodes, constants), message)


def test_a_file_that_is_cut_short_and_one_that_is_something_else(tmp_path):
    content = make_model(NODES, KERNEL).SerializeToString()
    for size in (len(content) // 2, len(content) - 3, 0):
        (tmp_path / "cut.onnx").write_bytes(content[:size])
        refuse(tmp_path / "cut.onnx", "is not an ONNX file")
    (tmp_path / "text.onnx").write_text("a text about networks")
    refuse(tmp_path / "text.onnx", "is not an ONNX file")


def test_an_array_whose_numbers_are_missing(tmp_path):
    model = make_model(NODES, KERNEL)
    model.graph.initializer[0].raw_data = model.graph.initializer[0].raw_data[:-8]
    (tmp_path / "short.onnx").write_bytes(model.SerializeToString())
    refuse(tmp_path / "short.onnx", r"array k of shape \(4, 3, 3, 3\) cannot be read")
    del model.graph.initializer[0]
    (tmp_path / "none.onnx").write_bytes(model.SerializeToString())
    refuse(tmp_path / "none.onnx", r"\(Conv\) reads k, which is missing in the file")


@pytest.mark.parametrize("location", ["../numbers", "/etc/hostname", "", "..\\numbers", "link"])
def test_numbers_outside_the_folder_are_not_read(tmp_path, location):
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "numbers").write_bytes(bytes(432))
    (folder / "link").symlink_to(tmp_path / "numbers")
    write_external(folder / "bad.onnx", location)
    refuse(folder / "bad.onnx", "array k lies in .*, outside the folder of the network: refused")


def test_numbers_beside_the_file_that_are_missing_or_cut_short(tmp_path):
    path = write_external(tmp_path / "bad.onnx", "numbers")
    refuse(path, "array k lies in numbers, which is not beside the network. Copy it to")
    (tmp_path / "numbers").write_bytes(bytes(431))
    refuse(path, r"array k of shape \(4, 3, 3, 3\) reaches beyond the end of numbers: that file is cut short")


def write_external(path, location: str):
    """A file whose kernel lies elsewhere."""
    model = make_model(NODES, KERNEL)
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    path.write_bytes(model.SerializeToString())
    return path


def test_inputs_that_are_no_image(tmp_path):
    path = write_model(tmp_path / "grey.onnx", [("Flatten", "x", "y", {})], shape=(2, 1, 9, 8))
    refuse(path, r"input x must be images of three colours")
    model = make_model(NODES, KERNEL)
    model.graph.input.add().CopyFrom(onnx.helper.make_tensor_value_info("z", 1, [1]))
    (tmp_path / "two.onnx").write_bytes(model.SerializeToString())
    refuse(tmp_path / "two.onnx", "must take one input, an image; it takes 2: x, z")


def test_control_flow_is_refused(tmp_path):
    body = make_model([("Relu", "x", "y", {})]).graph
    path = write_model(
        tmp_path / "if.onnx", [("If", "k", "y", {"then_branch": body, "else_branch": body})], KERNEL
    )
    refuse(path, r"node node y \(If\) holds a graph of its own")
