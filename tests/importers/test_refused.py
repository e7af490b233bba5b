"""Old HDF5 models that are damaged, incomplete or not to be rebuilt: each is refused in words."""

import base64
import marshal
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from residual.errors import ResidualError, RunError
from residual.importers import convert
from tests.support import old_layouts


@pytest.fixture
def small(tmp_path):
    """A whole Keras 1 model with random arrays."""
    return old_layouts.write(
        tmp_path / "old.h5", old_layouts.draw(old_layouts.SMALL), old_layouts.keras_1_config(), "1.2.2"
    )


def refused(source: Path, match: str, target: Path | None = None, **options) -> str:
    """The message of the RunError that `convert` raises; nothing is written."""
    before = set(source.parent.iterdir())
    with pytest.raises(RunError, match=match) as error:
        convert(source, target, **options)
    assert isinstance(error.value, ResidualError)
    assert set(source.parent.iterdir()) == before
    return str(error.value)


def test_a_file_cut_short_anywhere(small, tmp_path):
    data = small.read_bytes()
    cut = tmp_path / "cut.h5"
    for size in (0, 1, 7, 8, 9, 40, 47, 48, 96, *range(100, len(data), 331), len(data) - 1):
        cut.write_bytes(data[:size])
        # Byte 48 ends the announcement of the size.
        refused(cut, "cut.h5 is cut short" if size >= 48 else "cut.h5 (is not an HDF5 file|cannot be opened)")


def test_holes_in_a_file(small, tmp_path):
    """Damage anywhere in the structure: an error or a model, never a crash of another kind."""
    data = small.read_bytes()
    holed = tmp_path / "holed.h5"
    for at in range(8, len(data) - 256, 761):
        holed.write_bytes(data[:at] + b"\xff" * 256 + data[at + 256 :])
        try:
            convert(holed, overwrite=True)
        except RunError as error:
            assert "holed.h5" in str(error)  # noqa: PT017


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "is not an HDF5 file"),
        (b"PK\x03\x04 not this", "is not an HDF5 file"),
        (None, "There is no model file"),
    ],
)
def test_other_files(tmp_path, content, match):
    if content is not None:
        (tmp_path / "old.h5").write_bytes(content)
    refused(tmp_path / "old.h5", match)


def test_hdf5_without_a_model(tmp_path):
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file["train_set_x"] = np.zeros((2, 4, 4, 3))
    refused(tmp_path / "old.h5", r"not a Keras model: it lists no layers \(it holds train_set_x\)")


def test_a_weights_file_of_keras_3(tmp_path):
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save_weights(tmp_path / "new.weights.h5")
    refused(tmp_path / "new.weights.h5", "weights file of Keras 3", tmp_path / "new.keras")


def delete_group(file):
    del file["model_weights/conv"]


def delete_array(file):
    del file["model_weights/conv/conv_b"]


def delete_from_lists(file):
    group = file["model_weights/conv"]
    group.attrs["weight_names"] = group.attrs["weight_names"][:1]
    del group["conv_b"]


def delete_layer(file):
    names = file["model_weights"].attrs["layer_names"]
    file["model_weights"].attrs["layer_names"] = names[names != b"conv"]
    del file["model_weights/conv"]


def add_layer(file):
    root = file["model_weights"]
    root.attrs["layer_names"] = np.append(root.attrs["layer_names"], b"extra")
    root.create_group("extra").attrs["weight_names"] = np.array([b"extra_W"])
    root["extra"]["extra_W"] = np.zeros((2, 2), "float32")


def add_unlisted(file):
    file["model_weights/conv/spare"] = np.zeros(2, "float32")


def replace_with(numbers):
    def edit(file):
        del file["model_weights/conv/conv_W"]
        file["model_weights/conv/conv_W"] = numbers

    return edit


def never_written(file):
    del file["model_weights/conv/conv_W"]
    file["model_weights/conv"].create_dataset("conv_W", (3, 3, 6, 6), "float32")


def link_elsewhere(file):
    with h5py.File(Path(file.filename).with_name("other.h5"), "w") as other:
        other["secret"] = np.zeros((3, 3, 6, 6), "float32")
    del file["model_weights/conv/conv_W"]
    file["model_weights/conv/conv_W"] = h5py.ExternalLink("other.h5", "/secret")


@pytest.mark.parametrize(
    ("edit", "match"),
    [
        (delete_group, "layer conv is listed but is not in the file"),
        (delete_array, "layer conv: array conv_b is listed but is not in the file"),
        (delete_from_lists, "layer conv: bias not in the file"),
        (delete_layer, "layer conv: kernel, bias not in the file"),
        (add_layer, "layer extra holds arrays, but the network has no such layer"),
        (add_unlisted, "/model_weights/conv/spare is in the file but no layer lists it"),
        (
            replace_with(np.zeros((3, 3, 6, 5), "f4")),
            r"layer conv: kernel has shape \(3, 3, 6, 5\); .*\(3, 3, 6, 6\)",
        ),
        (replace_with(np.zeros((3, 3, 6, 6), "i4")), "layer conv: kernel holds int32"),
        (never_written, "layer conv: kernel has a place in the file but was never written"),
        (link_elsewhere, "layer conv: conv_W is not an array within this file"),
    ],
)
def test_arrays_that_do_not_fit(small, edit, match):
    with h5py.File(small, "a") as file:
        edit(file)
    refused(small, match)


@pytest.mark.parametrize(
    ("layer", "arguments", "match"),
    [
        ("conv", {"dim_ordering": "th"}, r"Layer conv \(Convolution2D\): it keeps channels before"),
        ("conv", {"activation": "my_relu"}, r"Layer conv \(Convolution2D\): its activation is 'my_relu'"),
        ("conv", {"fancy": 3}, r"Layer conv \(Convolution2D\): its argument fancy=3 is unknown"),
        ("conv", {"nb_filter": -1}, r"Layer conv \(Convolution2D\) cannot be rebuilt"),
        ("conv", {"nb_filter": None}, "its filters is not in the file"),
        ("bn_stem", {"mode": 2}, r"Layer bn_stem \(BatchNormalization\): it normalizes in a mode of Keras 1"),
        (
            "bn_stem",
            {"epsilon": None},
            r"Layer bn_stem \(BatchNormalization\): its epsilon is not in the file",
        ),
        ("merge_1", {"mode": "dot"}, r"Layer merge_1 \(Merge\): it merges by 'dot'"),
        ("merge_1", {"mode": "gAAAA", "mode_type": "lambda"}, r"Layer merge_1 \(Merge\): it is Python code"),
        (
            "input_1",
            {"batch_input_shape": None},
            r"Layer input_1 \(InputLayer\): its shape is not in the file",
        ),
    ],
)
def test_configurations_that_cannot_be_kept(tmp_path, layer, arguments, match):
    config = old_layouts.keras_1_config()
    for entry in config["config"]["layers"]:
        if entry["name"] == layer:
            entry["config"].update(arguments)
    refused(
        old_layouts.write(tmp_path / "old.h5", old_layouts.draw(old_layouts.SMALL), config, "1.2.2"), match
    )


@pytest.mark.parametrize(
    "config", ["nonsense", {"class_name": "Model", "config": {"layers": 3}}, {"class_name": "Net"}]
)
def test_configurations_that_are_none(tmp_path, config):
    refused(
        old_layouts.write(tmp_path / "old.h5", old_layouts.draw(old_layouts.SMALL), config, "1.2.2"),
        "old.h5.*model_config",
    )


def test_a_layer_that_reads_from_nowhere(tmp_path):
    config = old_layouts.keras_1_config()
    config["config"]["layers"] = [row for row in config["config"]["layers"] if row["name"] != "conv"]
    source = old_layouts.write(tmp_path / "old.h5", old_layouts.draw(old_layouts.SMALL), config, "1.2.2")
    refused(source, "Layer merge_1 reads from layer conv, which the file does not have")


def test_code_in_a_file_is_not_run(tmp_path):
    """The marshalled code of a Lambda layer would write a file."""
    ran = tmp_path / "ran"
    code = compile(f"lambda x: open({str(ran)!r}, 'w') and x", "code", "eval").co_consts[0]
    function = [base64.b64encode(marshal.dumps(code)).decode(), None, None]
    arguments = {"function": function, "function_type": "lambda", "output_shape": None, "arguments": {}}
    config = old_layouts.keras_1_config()
    config["config"]["layers"][4] |= {"class_name": "Lambda", "config": {"name": "activation_1", **arguments}}
    source = old_layouts.write(tmp_path / "old.h5", old_layouts.draw(old_layouts.SMALL), config, "2.0.8")
    refused(source, r"Layer activation_1 \(Lambda\): it is Python code stored in the file, and .* never run")
    assert not ran.exists()


def test_a_layer_that_only_shares_a_stock_name(tmp_path):
    config = old_layouts.keras_1_config()
    config["config"]["layers"][3]["registered_name"] = "Custom>BatchNormalization"
    source = old_layouts.write(tmp_path / "old.h5", old_layouts.draw(old_layouts.SMALL), config, "1.2.2")
    refused(source, r"Layer bn_stem .*it is not a layer of Keras but of Custom")


def test_targets(small, tmp_path):
    convert(small)
    refused(small, "old.keras exists already")
    convert(small, overwrite=True)
    refused(small, "must be named .keras, not new.h5", tmp_path / "new.h5")
    refused(small, "There is no folder", tmp_path / "nowhere" / "new.keras")
