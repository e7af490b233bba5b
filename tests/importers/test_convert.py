"""Old HDF5 models: what becomes of them, and what is refused."""

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from residual.errors import RunError
from residual.importers import Converted, convert
from residual.importers.keras_h5.importer import OWN
from residual.models.keras_file import load_model
from tests.support import old_layouts


@pytest.fixture(scope="session")
def old(tmp_path_factory):
    """The folder that old_networks.py fills: half a gigabyte, removed at the end."""
    if importlib.util.find_spec("tf_keras") is None:
        pytest.skip("tf_keras, which writes Keras 2 files, is not installed: pip install --no-deps tf_keras")
    folder = tmp_path_factory.mktemp("old")
    program = Path(old_layouts.__file__).with_name("old_networks.py")
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, program, folder], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def target(old):
    """Where a large converted model may stand."""
    yield old / "converted.keras"
    (old / "converted.keras").unlink(missing_ok=True)


def predict(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Layer by layer: for two images that takes less time than compiling the network."""
    return np.squeeze(keras.ops.convert_to_numpy(model(images, training=False)))


def as_predicted(converted: Converted, old: Path, name: str) -> float:
    """The largest difference to what the old network predicted."""
    known = np.load(old / f"{name}.npz")
    assert known["y"].std() > 1e-3
    return np.abs(predict(converted.model, known["x"]) - known["y"]).max()


# Whole models, written by Keras 2.


@pytest.mark.parametrize(
    ("name", "network", "arrays", "parameters"),
    [
        ("keras_v1", "keras-resnet50", 320, 23_597_957),
        ("cifar_v1", "notebook-resnet8", 48, 78_666),
        ("cifar_v2", "notebook-resnet11v2", 68, 299_178),
        ("own", OWN, 8, 820),
        ("operator", OWN, 8, 820),
        ("baked", OWN, 8, 820),
        ("nested", OWN, 8, 803),
    ],
)
def test_a_whole_model_predicts_as_before(old, target, name, network, arrays, parameters):
    converted = convert(old / f"{name}.h5", target)
    assert (converted.network, converted.arrays, converted.parameters) == (network, arrays, parameters)
    assert as_predicted(converted, old, name) < 1e-5
    plain = keras.saving.load_model(target)
    x = np.load(old / f"{name}.npz")["x"]
    assert np.array_equal(predict(plain, x), predict(converted.model, x))
    assert b"residual." not in zipfile.ZipFile(target).read("config.json")


def test_notebook_d_predicts_as_before_without_a_relu_in_its_stem(old, target):
    converted = convert(old / "course_d.h5", target)
    assert (converted.network, converted.arrays, converted.parameters) == ("course-resnet50", 320, 23_600_006)
    assert as_predicted(converted, old, "course_d") < 1e-5
    stem = [layer.name for layer in converted.model.layers[:6]]
    assert stem == ["image", "conv1_pad", "conv1", "bn_conv1", "pool1", "res2a_branch2a"]
    assert any("no ReLU" in note for note in converted.notes)


def test_training_true_is_dropped_and_noted(old, target):
    notes = " ".join(convert(old / "baked.h5", target).notes)
    assert "training=True" in notes
    assert "kernel_constraint" in notes


def test_what_is_written_beside_the_model(old, target):
    converted = convert(old / "cifar_v1.h5", target)
    model, info = load_model(target)
    assert "classes" not in info  # the file does not name them
    assert info["image_size"] == [32, 32]
    assert info["network"] == "notebook-resnet8"
    assert info["notes"] == list(converted.notes)
    assert not model.compiled


@pytest.mark.parametrize("name", ["cifar_v1", "own"])
def test_scaled_inputs_take_raw_pixels(old, target, name):
    converted = convert(old / f"{name}.h5", target, raw_pixels=True)
    known = np.load(old / f"{name}.npz")
    assert np.abs(predict(converted.model, 255 * known["x"]) - known["y"]).max() < 1e-5
    assert "0 to 255" in converted.notes[-1]


# Weights alone.


@pytest.mark.parametrize(
    ("name", "network", "options"),
    [
        ("course_d", "course-resnet50", {"stem_end": "norm"}),
        ("course_c", "course-resnet50", {}),
        ("keras_v2", "keras-resnet50v2", {"image_size": 64}),
        ("cifar_v1", "notebook-resnet8", {}),
        ("cifar_v2", "notebook-resnet11v2", {}),
    ],
)
def test_weights_alone(old, target, name, network, options):
    converted = convert(old / f"{name}_weights.h5", target, **options)
    assert converted.network == network
    assert as_predicted(converted, old, name) < 1e-5
    assert "weights alone" in converted.notes[0]


def test_weights_alone_do_not_tell_of_the_stem(old, target):
    converted = convert(old / "course_d_weights.h5", target)
    assert any("stem_end='norm-relu'" in note for note in converted.notes)
    assert as_predicted(converted, old, "course_d") > 1e-3


def test_keras_1_weights_of_the_course(old, target):
    arrays = old_layouts.read(old / "course_d_weights.h5")
    source = old_layouts.write(old / "keras_1.h5", arrays, None, "1.2.2")
    converted = convert(source, target, stem_end="norm")
    source.unlink()
    assert as_predicted(converted, old, "course_d") < 1e-5


@pytest.mark.parametrize("start", [1, 53])
def test_default_names_count_from_anywhere(old, target, tmp_path, start):
    arrays = old_layouts.read(old / "cifar_v1_weights.h5")
    kinds = {"conv2d": 9, "batch_normalization": 7, "dense": 1}
    names = {
        f"{kind}_{i}".removesuffix("_0"): f"{kind}_{i + start}" for kind, n in kinds.items() for i in range(n)
    }
    source = old_layouts.write(tmp_path / "w.h5", old_layouts.renamed(arrays, names), None, "2.0.8")
    assert as_predicted(convert(source, target), old, "cifar_v1") < 1e-5


def test_shortcut_made_before_the_main_path(old, target, tmp_path):
    arrays = old_layouts.read(old / "cifar_v1_weights.h5")
    order = [0, 1, 2, 4, 5, 3, 7, 8, 6]  # new number of each convolution
    names = {f"conv2d_{i}".removesuffix("_0"): f"conv2d_{n}" for i, n in enumerate(order)}
    source = old_layouts.write(tmp_path / "w.h5", old_layouts.renamed(arrays, names), None, "2.0.8")
    assert as_predicted(convert(source, target), old, "cifar_v1") < 1e-5


def test_unknown_weights_are_refused_with_the_gap_in_their_numbers(old, target, tmp_path):
    arrays = old_layouts.read(old / "cifar_v1_weights.h5")
    del arrays["conv2d_4"]
    source = old_layouts.write(tmp_path / "w.h5", arrays, None, "2.0.8")
    with pytest.raises(RunError, match=r"not those of a known network.*conv2d_4 may be missing"):
        convert(source, target)


# By hand: Keras 1 and Keras 2.0.


def test_keras_1(tmp_path):
    arrays = old_layouts.draw(old_layouts.SMALL)
    source = old_layouts.write(tmp_path / "old.h5", arrays, old_layouts.keras_1_config(), "1.2.2")
    converted = convert(source)
    assert converted.target == tmp_path / "old.keras"
    assert (converted.network, converted.arrays) == (OWN, 10)

    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(6, 3, strides=2)(keras.layers.ZeroPadding2D(1)(image))
    x = keras.layers.ReLU()(keras.layers.BatchNormalization(epsilon=0.01)(x))
    y = keras.layers.Conv2D(6, 3, padding="same")(x)
    x = keras.layers.GlobalAveragePooling2D()(x + y)
    same = keras.Model(image, keras.layers.Dense(4, activation="softmax")(x))
    same.set_weights([numbers for roles in arrays.values() for numbers in roles.values()])
    images = np.random.default_rng(1).random((3, 8, 8, 3), dtype="float32")
    assert np.allclose(predict(converted.model, images), predict(same, images), atol=1e-6)
    assert float(converted.model.get_layer("conv").kernel_regularizer.l2) == pytest.approx(1e-4)


def test_kernels_of_theano_are_turned_round(tmp_path):
    arrays = old_layouts.draw(old_layouts.SMALL)
    source = old_layouts.write(tmp_path / "old.h5", arrays, old_layouts.keras_1_config(), "1.2.2")
    with h5py.File(source, "a") as file:
        file["model_weights"].attrs["backend"] = b"theano"
    kernel = convert(source).model.get_layer("conv").kernel
    assert np.array_equal(keras.ops.convert_to_numpy(kernel), arrays["conv"]["kernel"][::-1, ::-1])


def test_a_keras_2_chain(tmp_path):
    source = old_layouts.write(
        tmp_path / "old.h5", old_layouts.draw(old_layouts.CHAIN), old_layouts.keras_2_sequential(), "2.0.8"
    )
    model = convert(source, tmp_path / "new.keras").model
    assert model.output_shape == (None, 4)
    convolution = model.get_layer("conv2d_1")
    assert convolution.kernel_initializer.distribution == "truncated_normal"
    assert not convolution.trainable


def test_names_with_slashes_and_lists_in_parts(tmp_path):
    config = old_layouts.keras_2_sequential()
    config["config"][0]["config"]["name"] = "block1/conv"
    arrays = old_layouts.renamed(old_layouts.draw(old_layouts.CHAIN), {"conv2d_1": "block1/conv"})
    source = old_layouts.write(tmp_path / "old.h5", arrays, config, "2.0.8")
    with h5py.File(source, "a") as file:
        attributes = file["model_weights"].attrs
        for i, name in enumerate(attributes["layer_names"]):
            attributes[f"layer_names{i}"] = np.array([name])
        del attributes["layer_names"]
    assert convert(source).model.get_layer("block1_conv").filters == 6


def test_a_file_of_keras_3(tmp_path):
    image = keras.Input((8, 8, 3))
    x = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3)(image))
    model = keras.Model(image, keras.layers.Dense(2)(keras.layers.GlobalMaxPooling2D()(x)))
    model.save(tmp_path / "old.h5")
    images = np.random.default_rng(1).random((3, 8, 8, 3), dtype="float32")
    converted = convert(tmp_path / "old.h5")
    assert np.allclose(predict(converted.model, images), predict(model, images), atol=1e-6)


# By hand: what the numbers may be.


@pytest.fixture
def small(tmp_path):
    """A whole Keras 1 model with random arrays."""
    return old_layouts.write(
        tmp_path / "old.h5", old_layouts.draw(old_layouts.SMALL), old_layouts.keras_1_config(), "1.2.2"
    )


def test_kernels_of_zeros_are_noted(small):
    with h5py.File(small, "a") as file:
        file["model_weights/conv/conv_W"][...] = 0
    assert any("All zeros, as if damaged: conv/kernel." in note for note in convert(small).notes)


def test_numbers_of_other_precision(small, tmp_path):
    with h5py.File(small, "a") as file:
        kernel = file["model_weights/conv/conv_W"][()]
        del file["model_weights/conv/conv_W"]
        file["model_weights/conv/conv_W"] = kernel.astype("float64")
    landed = convert(small).model.get_layer("conv").kernel
    assert np.array_equal(keras.ops.convert_to_numpy(landed), kernel)


# What is refused; the rest is in test_refused.py.


def refuses(source: Path, match: str, target: Path) -> None:
    with pytest.raises(RunError, match=match):
        convert(source, target)
    assert not target.exists()


@pytest.mark.parametrize("name", ["cifar_v1.h5", "cifar_v1_weights.h5"])
def test_a_cut_names_the_layer_that_is_lost(old, target, tmp_path, name):
    with h5py.File(old / name) as file:
        kernel = file.get("model_weights", file)["conv2d_8/conv2d_8/kernel:0"].id
        end = kernel.get_offset() + kernel.get_storage_size()
    (tmp_path / "cut.h5").write_bytes((old / name).read_bytes()[: end - 1])
    refuses(
        tmp_path / "cut.h5",
        r"is cut short: [\d,]+ of its [\d,]+ bytes.* of its 30 layers are lost: \w+",
        target,
    )


def test_wrong_shape_in_weights_alone_names_the_layer(old, target, tmp_path):
    arrays = old_layouts.read(old / "cifar_v1_weights.h5")
    arrays["conv2d_4"]["kernel"] = arrays["conv2d_4"]["kernel"][..., :-1]
    refuses(
        old_layouts.write(tmp_path / "old.h5", arrays, None, "2.0.8"),
        "layer conv2d_4: kernel has shape",
        target,
    )


def test_code_and_custom_layers_of_keras_2(old, target):
    refuses(old / "code.h5", r"Layer doubled \(Lambda\): it is Python code", target)
    refuses(old / "custom.h5", r"Layer mine \(Mine\): .* not one of the layers", target)
