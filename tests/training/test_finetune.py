"""Training from trained weights: the new head, what is frozen and how fast the rest learns, resuming, bad input."""

import keras
import numpy as np
import pytest
from msgspec.structs import replace

import residual
from residual.embedding.cache import FeatureCache
from residual.errors import NetworkError, RecipeError, RunError
from residual.models.given import Pretrained
from residual.models.keras_file import load_model, save_model
from residual.models.transfer import build_body, build_transfer, read_head
from residual.training.batch_norm import hash_weights
from residual.training.depth import count_frozen, find_depth_rates, freeze_parts, list_parts, list_phases
from residual.training.find_recipe import choose_recipe
from residual.training.options import TrainOptions
from residual.training.recipes import FINETUNE, LINEAR_PROBE
from residual.training.schedules import Constant
from residual.training.variable_rates import multiply_rates
from tests.support.made import striped

DATA = striped()
# Two phases: the head and the last stage, then everything.
RECIPE = replace(FINETUNE, epochs=2, schedule=Constant(1e-3), unfreeze=0.5, augment=(), freeze="stem")
QUIET = {"precision": "float32", "progress": False}


def make(classes: int = 5, size: int | None = 16, channels: int = 3) -> keras.Model:
    """A stem and two stages, with the names that residual gives."""
    layers = keras.layers
    image = keras.Input((size, size, channels), name="image")
    x = layers.Rescaling(1 / 255, name="scale")(image)
    for name in ("stem", "stage1_block1", "stage2_block1"):
        x = layers.Conv2D(8, 3, 2, padding="same", use_bias=False, name=f"{name}_conv1")(x)
        x = layers.ReLU(name=f"{name}_relu1")(layers.BatchNormalization(name=f"{name}_norm1")(x))
    x = layers.GlobalAveragePooling2D(name="head_pool")(x)
    return keras.Model(image, layers.Dense(classes, activation="softmax", name="head_dense")(x), name="small")


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(7)
    return make()


@pytest.fixture(scope="module")
def file(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "small.keras"
    save_model(model, path, {"network": "small", "license": "made-up-1.0"})
    return path


def wrap(model: keras.Model) -> Pretrained:
    return Pretrained(model, "small", (16, 16), "")


def test_a_new_head_leaves_the_body_and_takes_other_sizes(model):
    network = build_transfer(wrap(model), (24, 24), 3).model
    assert (network.input_shape, network.output_shape) == ((None, 24, 24, 3), (None, 3))
    x = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3)).astype(np.float32)
    same = build_transfer(wrap(model), (16, 16), 3).model
    own = keras.Model(model.input, model.get_layer("head_pool").output)
    assert np.allclose(build_body(same).predict(x, verbose=0), own.predict(x, verbose=0), atol=1e-6)
    logits = keras.Model(model.input, keras.layers.Dense(7)(own.output))
    maps = keras.Model(model.input, model.get_layer("stage2_block1_relu1").output)
    for other in (logits, maps):
        assert read_head(build_transfer(wrap(other), (16, 16), 3).model)[0].shape == (8, 3)


def test_weights_that_do_not_fit_are_refused_in_words():
    with pytest.raises(NetworkError, match="must take RGB images .* takes grayscale images"):
        build_transfer(wrap(make(channels=1)), (16, 16), 3)
    image = keras.Input((16, 16, 3))
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(image))
    flat = keras.Model(image, keras.layers.Dense(5, activation="softmax")(keras.layers.Dense(8)(x)))
    with pytest.raises(NetworkError, match="cannot be used with images of 24x24 pixels.*trained on 16x16"):
        build_transfer(wrap(flat), (24, 24), 3)
    bare = keras.Model(image, keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(image)))
    with pytest.raises(NetworkError, match="must say which pixels they take"):
        build_transfer(wrap(bare), (16, 16), 3)


def test_parts_are_frozen_and_unfrozen_in_steps(model):
    assert list(list_parts(model)) == ["stem", "stage1", "stage2", "head"]
    parts = list(list_parts(model))
    assert [count_frozen(parts, word) for word in ("none", "stem", "stage1", "body")] == [0, 1, 2, 3]
    with pytest.raises(
        RecipeError, match="freeze must be none, body, or .* of stem, stage1, stage2; got stage3"
    ):
        count_frozen(parts, "stage3")
    assert list_phases(model, replace(FINETUNE, epochs=8, unfreeze=0.5)) == [(0, 2), (2, 1), (4, 0)]
    assert list_phases(model, replace(FINETUNE, epochs=8, unfreeze=0.0)) == [(0, 0)]
    assert list_phases(model, replace(FINETUNE, epochs=8, unfreeze=0.5, freeze="body")) == [(0, 3)]
    freeze_parts(model, 1, "kept")
    names = [weight.path for weight in model.trainable_variables]
    assert names == [
        "stage1_block1_conv1/kernel",
        "stage2_block1_conv1/kernel",
        "head_dense/kernel",
        "head_dense/bias",
    ]
    freeze_parts(model, 0, "batch")
    assert len(model.trainable_variables) == 11


@pytest.mark.parametrize("kind", [keras.optimizers.SGD, keras.optimizers.AdamW])
def test_deeper_parts_learn_more_slowly(model, kind):
    def change(decay: float) -> dict[str, np.ndarray]:
        copy = build_transfer(wrap(model), (16, 16), 3).model
        optimizer = multiply_rates(kind(0.1, weight_decay=0.1), find_depth_rates(copy, decay))
        before = {v.path: v.numpy().copy() for v in copy.trainable_variables}
        optimizer.build(copy.trainable_variables)
        gradients = [keras.ops.ones_like(v) for v in copy.trainable_variables]
        optimizer.apply(gradients, copy.trainable_variables)
        return {v.path: v.numpy() - before[v.path] for v in copy.trainable_variables}

    whole, by_depth = change(1.0), change(0.5)
    for name, share in (("head_dense", 1), ("stage2_block1_conv1", 0.5), ("stem_conv1", 0.125)):
        # AdamW subtracts its update from weights that have decayed, so shares are of the sum of both.
        assert np.allclose(by_depth[f"{name}/kernel"], share * whole[f"{name}/kernel"], atol=1e-6)


def test_a_probe_fits_the_head_alone_and_says_so(file, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    run = residual.train(DATA, weights=file, recipe="linear-probe", name="probe", **QUIET)
    record, report = run.folder.record, run.report
    assert record.network.spec["weights"] == "small.keras"
    assert record.network.spec["license"] == "made-up-1.0"
    assert record.network.spec["weights_sha256"] == hash_weights(load_model(file)[0])
    assert record.train["weights"] == str(file)
    assert report["epochs"] == 0
    assert report["head"]["chosen_on"] == "5 parts of the 87 training images"
    assert report["features"].startswith("8 of each of ")
    assert not run.folder.start.exists()
    before = residual.open_run("probe").model
    body = load_model(file)[0]
    for mine, own in zip(before.weights[:-2], body.weights[:-2], strict=True):
        assert np.array_equal(mine.numpy(), own.numpy()), mine.path
    assert all(layer.trainable for layer in before.layers)
    assert run.evaluate().accuracy > 0.6
    again = residual.train(DATA, weights=run, recipe="linear-probe", name="again", **QUIET)
    assert "known from before" in again.report["features"]


# At the beginning of the second phase; within each.
@pytest.mark.parametrize("steps", [(3,), pytest.param((2, 5), marks=pytest.mark.slow)])
def test_a_finetuning_is_resumed_bit_for_bit_without_its_weights(file, each_step, tmp_path, steps):
    copy = tmp_path / "moved.keras"
    copy.write_bytes(file.read_bytes())
    whole = residual.train(DATA, weights=file, recipe=RECIPE, name="whole", **QUIET)
    assert whole.folder.log_rows()[-1]["epoch"] == 2

    class Kill(keras.callbacks.Callback):
        def __init__(self, step):
            super().__init__()
            self.left = step

        def on_train_batch_end(self, batch, logs=None):
            self.left -= 1
            if self.left < 0:
                raise InterruptedError

    for step in steps:
        name = f"cut{step}"
        with pytest.raises(RunError):
            residual.train(DATA, weights=copy, recipe=RECIPE, name=name, callbacks=[Kill(step)], **QUIET)
    copy.unlink()
    for step in steps:
        resumed = residual.resume(f"cut{step}", data=DATA, callbacks=[], progress=False)
        assert resumed.report["weights_sha256"] == whole.report["weights_sha256"]
    stem = whole.model.get_layer("stem_conv1").kernel.numpy()
    assert np.array_equal(stem, keras.models.load_model(file).get_layer("stem_conv1").kernel.numpy())


def test_options_that_contradict_each_other_are_refused(file):
    with pytest.raises(RecipeError, match="`weights` and `model` both"):
        TrainOptions("digits", model="resnet10", weights=str(file))
    with pytest.raises(RecipeError, match="`freeze` keeps trained weights"):
        TrainOptions("digits", freeze="body")
    with pytest.raises(RecipeError, match="freeze must be none, body"):
        TrainOptions("digits", weights="x", freeze="everything")
    with pytest.raises(RecipeError, match="recipe finetune begins with trained weights"):
        choose_recipe(TrainOptions("digits", recipe="finetune"))
    with pytest.raises(RecipeError, match="trains no epochs: leave out `epochs`"):
        choose_recipe(TrainOptions("digits", weights="x", recipe="linear-probe", epochs=3))
    with pytest.raises(RecipeError, match="trains no epochs"):
        LINEAR_PROBE.in_epochs(3)
    assert choose_recipe(TrainOptions("digits", weights="x"))[0].name == "finetune"
    with pytest.raises(RunError, match="There is no file of weights"):
        residual.train(DATA, weights="gone.keras")
    with pytest.raises(RunError, match="There is no run or model 'gone'"):
        residual.train(DATA, weights="gone")


def test_the_cache_knows_images_by_their_pixels_and_survives_damage(tmp_path):
    asked = []

    def extract(x):
        asked.append(len(x))
        return x.reshape(len(x), -1)[:, :4].astype(np.float32)

    first = FeatureCache("key", tmp_path)
    whole = first.read(DATA.train, extract)
    first.save()
    assert asked == [96]
    second = FeatureCache("key", tmp_path)
    some = DATA.train.take(np.array([5, 3, 3]))
    assert np.array_equal(second.read(some, extract), whole[[5, 3, 3]])
    assert asked == [96]
    second.read(DATA.test, extract)
    assert asked == [96, 24]
    (tmp_path / "key.npz").write_bytes(b"damaged")
    assert np.array_equal(FeatureCache("key", tmp_path).read(DATA.train, extract), whole)
    assert asked == [96, 24, 96]


def test_a_better_run_from_scratch_is_named(tmp_path):
    from residual._verbs.finetuning import find_better_from_scratch
    from residual.runs.folder import RunFolder
    from tests.support.run_folders import written

    mine = RunFolder(written("mine", validation=(120, 144)))
    assert find_better_from_scratch(mine) == ""
    written("worse", validation=(110, 144))
    written("better", validation=(141, 144), network="resnet10")
    assert find_better_from_scratch(mine) == (
        "better (resnet10), trained from scratch, has 97.9% of the same 144 validation images right, this run 83.3%"
    )
