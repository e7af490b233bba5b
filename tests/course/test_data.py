"""The notebooks' data and whole flows: load, augment, train a step, save, load and evaluate."""

import os
import pickle
from functools import partial
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from residual.augment import Affine, Flip, Light, Shift, from_table
from residual.course import (
    Adam,
    ImageDataGenerator,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
    ResNet50,
    cifar10,
    convert_to_one_hot,
    load_dataset,
    load_model,
    lr_schedule,
    resnet_v1,
)
from residual.data.drawn_hands.hands import render_signs
from residual.errors import DataError, RecipeError


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The test's own working folder, which RESIDUAL_DATA names too."""
    monkeypatch.setenv("RESIDUAL_DATA", str(tmp_path))
    return tmp_path


def write_signs(folder: Path):
    rng = np.random.default_rng(0)
    for part, count in (("train", 12), ("test", 6)):
        with h5py.File(folder / f"{part}_signs.h5", "w") as file:
            file[f"{part}_set_x"] = rng.integers(0, 256, (count, 64, 64, 3), np.uint8)
            file[f"{part}_set_y"] = np.arange(count) % 6
            file["list_classes"] = np.arange(6)


def write_cifar10(folder: Path):
    rng, batches = np.random.default_rng(0), folder / "cifar-10-batches-py"
    batches.mkdir()
    for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"):
        batch = {b"data": rng.integers(0, 256, (8, 3072), np.uint8), b"labels": list(range(8))}
        (batches / name).write_bytes(pickle.dumps(batch, protocol=2))


# SIGNS


def test_load_dataset_finds_the_files_and_says_so(place, capsys):
    write_signs(place)
    X_train_orig, Y_train_orig, X_test_orig, Y_test_orig, classes = load_dataset()
    assert (X_train_orig.shape, X_train_orig.dtype) == ((12, 64, 64, 3), np.uint8)
    assert (Y_train_orig.shape, X_test_orig.shape, Y_test_orig.shape) == ((1, 12), (6, 64, 64, 3), (1, 6))
    assert classes.tolist() == [0, 1, 2, 3, 4, 5]
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert said.startswith("signs from ")
    assert "train_signs.h5 (12 images)" in said


def test_load_dataset_draws_hands_and_says_so(place, monkeypatch, capsys):
    monkeypatch.setattr(
        "residual.data.drawn_hands.hands.render_signs", partial(render_signs, train=12, test=6)
    )
    X_train_orig, Y_train_orig, *_, classes = load_dataset()
    assert (X_train_orig.shape, Y_train_orig.shape, len(classes)) == ((12, 64, 64, 3), (1, 12), 6)
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert said.startswith("drawn hands, a stand-in")


@pytest.mark.shared
def test_load_dataset_reads_the_real_files(shared_data, monkeypatch):
    monkeypatch.setenv("RESIDUAL_DATA", str(shared_data))
    X_train_orig, Y_train_orig, X_test_orig, Y_test_orig, _ = load_dataset()
    for X, Y in ((X_train_orig, Y_train_orig), (X_test_orig, Y_test_orig)):
        assert X.shape == (len(X), 64, 64, 3)
        assert convert_to_one_hot(Y, 6).T.shape == (len(X), 6)


def test_convert_to_one_hot():
    Y = np.array([[1, 0, 2, 1]])
    expected = [[0, 1, 0, 0], [1, 0, 0, 1], [0, 0, 1, 0]]
    np.testing.assert_array_equal(convert_to_one_hot(Y, 3), expected)
    np.testing.assert_array_equal(convert_to_one_hot(Y[0], 3), expected)


@pytest.mark.parametrize("Y", [[[0, 3]], [[-1, 0]], [[0.0, 1.0]]])
def test_labels_outside_the_classes_are_refused(Y):
    with pytest.raises(DataError, match="whole numbers from 0 to 2"):
        convert_to_one_hot(np.array(Y), 3)


# Tracing and compiling ResNet-50's training step takes most of a minute; run eagerly, one step takes seconds.
@pytest.mark.parametrize("how", [{"run_eagerly": True}, pytest.param({}, marks=pytest.mark.slow)])
def test_the_flow_of_notebooks_a_and_d(place, how):
    write_signs(place)
    X_train_orig, Y_train_orig, X_test_orig, Y_test_orig, _classes = load_dataset()
    X_train = X_train_orig / 255.0
    X_test = X_test_orig / 255.0
    Y_train = convert_to_one_hot(Y_train_orig, 6).T
    Y_test = convert_to_one_hot(Y_test_orig, 6).T
    model = ResNet50(input_shape=(64, 64, 3), classes=6)
    opt = keras.optimizers.Adam(learning_rate=0.00015)
    model.compile(optimizer=opt, loss="categorical_crossentropy", metrics=["accuracy"], **how)
    history = model.fit(X_train[:4], Y_train[:4], epochs=1, batch_size=32, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    preds = model.evaluate(X_test, Y_test, verbose=0)
    model.save("ResNet50_hand_signs_25ep.h5")
    loaded = load_model("ResNet50_hand_signs_25ep.h5")
    np.testing.assert_allclose(loaded.evaluate(X_test, Y_test, verbose=0), preds, rtol=1e-5, atol=1e-6)


# CIFAR-10


def test_cifar10_comes_as_keras_gives_it(place):
    write_cifar10(place)
    (x_train, y_train), (x_test, y_test) = cifar10.load_data()
    assert (x_train.shape, x_train.dtype, y_train.shape) == ((40, 32, 32, 3), np.uint8, (40, 1))
    assert (x_test.shape, y_test.shape, y_test.dtype) == ((8, 32, 32, 3), (8, 1), np.uint8)


def test_the_flow_of_notebook_e(place):
    write_cifar10(place)
    batch_size, epochs, num_classes, depth = 16, 2, 10, 8
    (x_train, y_train), (x_test, y_test) = cifar10.load_data()
    input_shape = x_train.shape[1:]
    x_train = x_train.astype("float32") / 255
    x_test = x_test.astype("float32") / 255
    x_train_mean = np.mean(x_train, axis=0)
    x_train -= x_train_mean
    x_test -= x_train_mean
    y_train = keras.utils.to_categorical(y_train, num_classes)
    y_test = keras.utils.to_categorical(y_test, num_classes)

    model = resnet_v1(input_shape=input_shape, depth=depth, num_classes=num_classes)
    model.compile(
        loss="categorical_crossentropy",
        optimizer=Adam(learning_rate=lr_schedule(0)),
        metrics=["accuracy"],
    )
    save_dir = os.path.join(os.getcwd(), "saved_models")
    os.makedirs(save_dir, exist_ok=True)
    filepath = os.path.join(save_dir, "cifar10_ResNet 8v1_model.{epoch:03d}.keras")
    checkpoint = ModelCheckpoint(filepath=filepath, monitor="val_accuracy", verbose=0, save_best_only=True)
    lr_scheduler = LearningRateScheduler(lr_schedule)
    lr_reducer = ReduceLROnPlateau(factor=np.sqrt(0.1), cooldown=0, patience=5, min_lr=0.5e-6)
    datagen = ImageDataGenerator(
        rotation_range=20,
        width_shift_range=0.2,
        height_shift_range=0.2,
        horizontal_flip=True,
        fill_mode="nearest",
    )
    datagen.fit(x_train)
    history = model.fit(
        datagen.flow(x_train, y_train, batch_size=batch_size),
        steps_per_epoch=x_train.shape[0] // batch_size,
        epochs=epochs,
        validation_data=(x_test, y_test),
        callbacks=[checkpoint, lr_reducer, lr_scheduler],
        verbose=0,
    )
    assert int(model.optimizer.iterations) == 4
    assert np.isfinite(history.history["val_loss"]).all()
    np.testing.assert_allclose(history.history["learning_rate"], 1e-3)
    saved = load_model(filepath.format(epoch=1))
    assert saved.count_params() == 78_666


# The generator


def generator(**changes):
    rng = np.random.default_rng(0)
    x = rng.normal(0, 0.2, (70, 8, 8, 3)).astype("float32")
    return x, ImageDataGenerator(**changes).flow(x, np.arange(70)[:, None], batch_size=32, seed=1)


def test_flow_shows_every_image_once_an_epoch():
    x, flow = generator()
    assert len(flow) == 70 // 32
    epochs = []
    for _ in range(2):
        batches = [flow[step] for step in range(len(flow))]
        assert [len(batch) for batch, _ in batches] == [35, 35]
        order = np.concatenate([labels[:, 0] for _, labels in batches])
        np.testing.assert_array_equal(np.concatenate([batch for batch, _ in batches]), x[order])
        epochs.append(order.tolist())
        flow.on_epoch_end()
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(70))
    assert epochs[0] != epochs[1]


def test_flow_without_shuffling_keeps_the_order():
    x = np.zeros((5, 8, 8, 3), np.uint8)
    flow = ImageDataGenerator().flow(x, np.arange(5), batch_size=32, shuffle=False)
    assert flow[0][1].tolist() == [0, 1, 2, 3, 4]


def test_flow_changes_floats_and_repeats_itself():
    changes = {"rotation_range": 20, "width_shift_range": 0.2, "horizontal_flip": True}
    x, flow = generator(**changes)
    batch, labels = flow[1]
    assert batch.dtype == np.float32
    assert x.min() <= batch.min() < 0
    assert not np.array_equal(batch, x[labels[:, 0]])
    np.testing.assert_array_equal(generator(**changes)[1][1][0], batch)


def test_unseeded_flow_follows_numpys_seed():
    def order():
        np.random.seed(3)
        return ImageDataGenerator().flow(np.zeros((9, 8, 8, 3)), np.arange(9))[0][1].tolist()

    assert order() == order()


def test_shifts_of_one_and_more_are_pixels():
    _, pixels = generator(height_shift_range=2, width_shift_range=4)
    _, shares = generator(height_shift_range=0.25, width_shift_range=0.5)
    assert pixels.changes == shares.changes == (Affine(0.0, (0.25, 0.5)),)


def test_the_generator_refuses_what_it_cannot_do():
    with pytest.raises(RecipeError, match=r'fill_mode must be "nearest"; got \'reflect\''):
        ImageDataGenerator(fill_mode="reflect")
    with pytest.raises(TypeError, match="zoom_range"):
        ImageDataGenerator(zoom_range=0.1)
    with pytest.raises(DataError, match="got 3 and 2"):
        ImageDataGenerator().flow(np.zeros((3, 8, 8, 3)), np.zeros(2))


# What the generator asked of the augmentations


@pytest.mark.parametrize("change", [Flip(), Shift(2), Light(0.2, 0.2), Affine(20, 0.2, 0.1)])
def test_augmentations_keep_the_type_and_agree_between_types(change):
    x = np.random.default_rng(0).integers(60, 180, (6, 12, 10, 3), np.uint8)
    whole = change(x, np.random.default_rng(1))
    floats = change(x.astype(np.float32), np.random.default_rng(1))
    assert (whole.dtype, floats.dtype) == (np.uint8, np.float32)
    np.testing.assert_allclose(floats, whole, atol=0.501)


def test_affine_shifts_height_and_width_apart():
    x = np.arange(8, dtype=np.float32)[None, :, None, None] * np.ones((50, 8, 8, 1), np.float32)
    rng = np.random.default_rng
    np.testing.assert_allclose(Affine(shift=(0.0, 0.4))(x, rng(0)), x, atol=1e-5)
    assert np.abs(Affine(shift=(0.4, 0.0))(x, rng(0)) - x).max() > 1
    np.testing.assert_array_equal(Affine(shift=(0.3, 0.3))(x, rng(0)), Affine(shift=0.3)(x, rng(0)))


def test_affine_with_a_pair_goes_through_toml():
    change = Affine(20, (0.1, 0.2))
    assert from_table({**change.to_table(), "shift": [0.1, 0.2]}) == change
    assert hash(from_table(change.to_table())) == hash(change)
