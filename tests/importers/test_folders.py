"""Folders of keras-hub and transformers: the network in them, and what is refused."""

import importlib.util
import json

import h5py
import keras
import numpy as np
import pytest

import residual
from residual.errors import RunError
from residual.importers import open_pretrained
from residual.importers.transformers_folder.config import read_spec
from residual.models.spec import NetworkSpec
from tests.support.folders import SMALL, list_tensors, make_network, write_preset, write_transformers

BOTTLENECK = NetworkSpec("bottleneck", block="bottleneck", **SMALL)
BASIC = NetworkSpec("basic", blocks=(1, 2), widths=(16, 32), stem_width=16)
V2 = NetworkSpec(
    "v2", block="bottleneck", preactivation=True, stem_end="none", stem_pool="max-inside", **SMALL
)
STRIDE_1X1 = NetworkSpec("stride", block="bottleneck", stride_on="1x1", **SMALL)
X = np.random.default_rng(4).integers(0, 256, (2, 32, 32, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def networks():
    """The networks of the specs above, each built once."""
    return {spec.name: make_network(spec) for spec in (BOTTLENECK, BASIC, V2, STRIDE_1X1)}


def answer(model: keras.Model, pixels: np.ndarray) -> np.ndarray:
    return keras.ops.convert_to_numpy(model(pixels, training=False))


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("spec", [BOTTLENECK, BASIC, V2], ids=lambda spec: spec.name)
def test_a_preset_of_keras_hub(tmp_path, networks, spec, named):
    model = networks[spec.name]
    found = open_pretrained(write_preset(tmp_path / "preset", model, spec, named=named))
    assert found.arrays == len(model.weights)
    assert found.network == "keras-hub-preset"
    scale, offset = np.array([0.017, 0.0175, 0.0174]), np.array([-2.1, -2.0, -1.8])
    wanted = answer(model, (X * scale + offset).astype(np.float32))
    assert 0.05 < wanted.max() < 0.99
    np.testing.assert_allclose(answer(found.model, X), wanted, atol=1e-5)
    known = found.preprocessing
    assert (known.resize, known.antialias, known.interpolation) == ("cover", True, "bilinear")


@pytest.mark.parametrize("spec", [BOTTLENECK, BASIC, STRIDE_1X1], ids=lambda spec: spec.name)
def test_a_folder_of_transformers(tmp_path, networks, spec):
    model = networks[spec.name]
    found = open_pretrained(write_transformers(tmp_path / "folder", spec, list_tensors(model)))
    assert found.arrays == len(model.weights)
    assert found.classes == ("ant", "bee", "cat")
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    wanted = answer(model, ((X / 255 - mean) / std).astype(np.float32))
    np.testing.assert_allclose(answer(found.model, X), wanted, atol=1e-5)
    assert (found.preprocessing.resize_to, found.preprocessing.height) == (40, 32)
    assert found.preprocessing.interpolation == "bicubic"


def test_what_stands_beside_the_weights_of_transformers(tmp_path, networks):
    tensors = list_tensors(networks["basic"])
    folder = write_transformers(
        tmp_path / "f", BASIC, tensors, id2label={str(i): f"LABEL_{i}" for i in range(3)}
    )
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    found = open_pretrained(folder / "model.safetensors", image_size=64)
    assert found.classes is None
    assert found.license == "apache-2.0"
    assert found.model.input_shape == (None, 64, 64, 3)
    assert found.preprocessing.resize_to == 80
    (folder / "preprocessor_config.json").write_text(
        json.dumps({"size": {"height": 32, "width": 32}, "resample": 2})
    )
    known = open_pretrained(folder).preprocessing
    assert (known.resize, known.interpolation, known.mean) == ("exact", "bilinear", (127.5, 127.5, 127.5))


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ({"depths": [2, 2, 2, 2], "hidden_sizes": [64, 128, 256, 512], "layer_type": "basic"}, "resnet18"),
        ({"layer_type": "bottleneck"}, "resnet50v1.5"),
        ({"layer_type": "bottleneck", "downsample_in_bottleneck": True}, "resnet50"),
    ],
)
def test_a_network_of_the_zoo_is_called_so(tmp_path, config, name):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "resnet", **config}))
    assert read_spec(tmp_path / "config.json").name == name


def change(path, **fields) -> None:
    table = json.loads(path.read_text())
    target = table.get("config", table)
    target.update(fields)
    path.write_text(json.dumps(table))


@pytest.mark.parametrize(
    ("file", "fields", "message"),
    [
        ("config.json", {"block_type": "dense_block"}, "block_type must be basic_block or bottleneck_block"),
        (
            "config.json",
            {"stackwise_num_blocks": "two"},
            "stackwise_num_blocks must be a list of whole numbers from 1",
        ),
        ("config.json", {"input_conv_kernel_sizes": [5]}, "the stem must be one 7x7 convolution"),
        (
            "config.json",
            {"block_type": "basic_block_vd", "stackwise_num_filters": [16, 32]},
            "begins with a projection from",
        ),
        (
            "config.json",
            {"stackwise_num_blocks": [1, 3]},
            r"layer stack1_block2_1_conv: kernel not in the file",
        ),
        (
            "config.json",
            {"stackwise_num_blocks": [1, 1]},
            r"holds the array layers/.* for which the network of config",
        ),
        (
            "config.json",
            {"stackwise_num_filters": [8, 32]},
            r"layer stack1_block0_1_conv: kernel has shape \(1, 1, 32, 16",
        ),
        ("task.json", {"pooling": "max"}, "must have pooling avg"),
        (
            "task.json",
            {"num_classes": 4},
            r"layer predictions: kernel has shape \(64, 3\); the network needs \(64, 4\)",
        ),
        ("image_converter.json", {"pad_to_aspect_ratio": True}, "without padding; got bilinear with padding"),
        ("image_converter.json", {"scale": [1, 2]}, "scale must be a number, or three"),
    ],
)
def test_presets_that_are_refused(tmp_path, networks, file, fields, message):
    folder = write_preset(tmp_path / "preset", networks["bottleneck"], BOTTLENECK)
    change(folder / file, **fields)
    with pytest.raises(RunError, match=message):
        open_pretrained(folder)


def test_presets_that_are_incomplete(tmp_path, networks):
    folder = write_preset(tmp_path / "preset", networks["bottleneck"], BOTTLENECK)
    (folder / "model.weights.h5").write_bytes((folder / "model.weights.h5").read_bytes()[:3000])
    with pytest.raises(RunError, match="model.weights.h5 cannot be opened"):
        open_pretrained(folder)
    for name, message in (
        ("model.weights.h5", "model.weights.h5 is missing: the folder .* is incomplete"),
        ("task.json", "holds a backbone without a classifier: task.json is missing"),
    ):
        (folder / name).unlink()
        with pytest.raises(RunError, match=message):
            open_pretrained(folder)
    change(folder / "config.json")
    table = json.loads((folder / "config.json").read_text()) | {
        "registered_name": "keras_hub>DenseNetBackbone"
    }
    (folder / "config.json").write_text(json.dumps(table))
    with pytest.raises(RunError, match="describes a DenseNetBackbone; ResNetBackbone is imported"):
        open_pretrained(folder)


def test_an_array_in_another_file_is_refused(tmp_path, networks):
    folder = write_preset(tmp_path / "preset", networks["basic"], BASIC)
    with h5py.File(folder / "model.weights.h5", "r+") as file:
        del file["layers/conv2d/vars/0"]
        file["layers/conv2d/vars/0"] = h5py.ExternalLink("other.h5", "/kernel")
    with pytest.raises(RunError, match="layer conv1_conv: kernel not in the file"):
        open_pretrained(folder)


@pytest.mark.parametrize(
    ("file", "fields", "message"),
    [
        ("config.json", {"model_type": "convnext"}, "describes a 'convnext'; model_type resnet is imported"),
        ("config.json", {"hidden_act": "gelu"}, "hidden_act relu and num_channels 3; got basic, gelu and 3"),
        ("config.json", {"hidden_sizes": [16, 16]}, "stage 2 strides and keeps 16 channels"),
        ("config.json", {"id2label": {"0": "a"}}, "id2label must name each of the 3 outputs"),
        ("config.json", {"depths": [1, 3]}, "stage2_block3_conv1: kernel not in the file"),
        (
            "preprocessor_config.json",
            {"size": {"longest_edge": 3}},
            "size must have shortest_edge, or height and width",
        ),
        ("preprocessor_config.json", {"resample": 9}, "images must be scaled by nearest, lanczos"),
        ("preprocessor_config.json", {"image_mean": [0.5]}, "image_mean must be three numbers"),
        ("preprocessor_config.json", {"crop_pct": 2.0}, "crop_pct must be above 0 and at most 1; got 2"),
    ],
)
def test_folders_that_are_refused(tmp_path, networks, file, fields, message):
    folder = write_transformers(tmp_path / "folder", BASIC, list_tensors(networks["basic"]))
    change(folder / file, **fields)
    with pytest.raises(RunError, match=message):
        open_pretrained(folder)


def test_folders_that_lack_an_array_or_have_one_too_many(tmp_path, networks):
    tensors = list_tensors(networks["basic"])
    missing = {
        k: v for k, v in tensors.items() if "stages.1.layers.0.shortcut.normalization.running_var" not in k
    }
    folder = write_transformers(tmp_path / "folder", BASIC, missing)
    with pytest.raises(
        RunError, match="shortcut.normalization: moving_variance not in the file: it is incomplete"
    ):
        open_pretrained(folder)
    write_transformers(folder, BASIC, {**tensors, "resnet.more.weight": np.ones(3, np.float32)})
    with pytest.raises(RunError, match="layer resnet.more holds arrays, but the network has no such layer"):
        open_pretrained(folder)
    write_transformers(folder, BASIC, {k: v for k, v in tensors.items() if "classifier" not in k})
    with pytest.raises(RunError, match=r"has no array classifier.1.weight of shape \(classes, features\)"):
        open_pretrained(folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(RunError, match="model.safetensors is missing: the folder is incomplete"):
        open_pretrained(folder)


@pytest.mark.slow
def test_what_keras_hub_itself_answers(tmp_path):
    if importlib.util.find_spec("keras_hub") is None:
        pytest.skip("keras-hub is not installed: pip install keras-hub")
    import keras_hub

    backbone = keras_hub.models.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[7],
        stackwise_num_filters=[64, 128],
        stackwise_num_blocks=[2, 1],
        stackwise_num_strides=[1, 2],
        block_type="bottleneck_block",
        image_shape=(None, None, 3),
    )
    converter = keras_hub.layers.ResNetImageConverter(image_size=(64, 64), scale=1 / 127.5, offset=-1.0)
    preprocessor = keras_hub.models.ResNetImageClassifierPreprocessor(image_converter=converter)
    theirs = keras_hub.models.ResNetImageClassifier(
        backbone=backbone, num_classes=5, preprocessor=preprocessor
    )
    theirs.save_to_preset(str(tmp_path / "preset"))
    photo = np.random.default_rng(0).integers(0, 256, (90, 120, 3)).astype(np.uint8)
    wanted = keras.ops.convert_to_numpy(keras.ops.softmax(theirs.predict(photo[None], verbose=0)))[0]
    converted = residual.convert(tmp_path / "preset")
    found = residual.predict(converted.target, photo)[0]
    np.testing.assert_allclose(list(found.probabilities.values()), wanted, atol=1e-4)
