"""Training on arrays, with a Keras model, an optimizer and callbacks given from Python."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from msgspec.structs import replace
from PIL import Image

import residual
from residual.data.given import GIVEN
from residual.errors import DataError, NetworkError, RecipeError, ResidualError, RunError
from residual.runs.folder import RunFolder
from residual.training.job import make_job
from residual.training.job_text import describe_given
from residual.training.optimizers import make_given, name_given, serialize_optimizer
from residual.training.options import TrainOptions
from tests.support.made import QUICK, striped

RECIPE = replace(QUICK, epochs=3)
DATA = striped()
PAIRS = ((DATA.train.x, DATA.train.y), (DATA.test.x, DATA.test.y))


def tiny() -> keras.Model:
    """A network that learns the stripes in seconds, with a dropout, whose state is no weight."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            layers.Conv2D(8, 3, strides=2),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Dropout(0.3),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax"),
        ],
        name="tiny",
    )


class Killed(Exception):
    """What ends a training here, as if the process were killed."""


class Count(keras.callbacks.Callback):
    """Counts steps, and ends the training before one of them."""

    def __init__(self, fatal: int | None = None):
        super().__init__()
        self.fatal, self.steps = fatal, 0

    def on_train_batch_begin(self, batch, logs=None):
        self.steps += 1
        if self.steps == self.fatal:
            raise Killed


def train(name: str, **options):
    schedule = keras.optimizers.schedules.ExponentialDecay(0.05, 5, 0.9)
    asked = {
        "recipe": RECIPE,
        "optimizer": keras.optimizers.SGD(schedule, momentum=0.9, weight_decay=1e-3),
        "precision": "float32",
        "name": name,
        "progress": False,
        **options,
    }
    return residual.train(PAIRS, **asked)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(3)
    return tiny()


def test_what_is_given_is_trained_recorded_and_resumed_bit_for_bit(model, each_step):
    before = model.get_weights()
    counted = Count()
    whole = train("whole", model=model, callbacks=[counted])
    assert counted.steps == 18
    record = whole.folder.record
    assert (record.train["data"], record.train["model"], record.train["callbacks"]) == (
        GIVEN,
        "tiny",
        ["Count"],
    )
    assert name_given(record.train["optimizer"]) == "SGD"
    assert record.network.source == "a Keras model given from Python"
    assert (
        record.data.source
        == "arrays given from Python: 96 to train and validate and 24 to test, 16x16 pixels"
    )
    assert whole.folder.log_rows()[0]["learning_rate"] == pytest.approx(0.05 * 0.9 ** (5 / 5))
    assert not whole.folder.start.exists()
    assert all(np.array_equal(one, other) for one, other in zip(before, model.get_weights(), strict=True))

    with pytest.raises(Killed):
        train("cut", model=model, callbacks=[Count(8)])
    assert RunFolder("runs/cut").state == "interrupted"
    with pytest.raises(DataError, match='on arrays given .* residual.resume."cut", data=...'):
        residual.resume("cut")
    with pytest.raises(
        RunError, match=r'with callbacks \(Count\).* residual.resume."cut", callbacks=\[...\]'
    ):
        residual.resume("cut", data=PAIRS)
    other = ((255 - DATA.train.x, DATA.train.y), PAIRS[1])
    with pytest.raises(DataError, match="are not those that runs/cut was trained on"):
        residual.resume("cut", data=other, callbacks=[])
    resumed = residual.resume("cut", data=PAIRS, callbacks=[Count()], progress=False)
    assert resumed.report["resumed"][0]["step"] == 7
    assert resumed.report["weights_sha256"] == whole.report["weights_sha256"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory, model):
    """A folder in which a run `first` was trained on a Dataset, and the run."""
    folder = tmp_path_factory.mktemp("given")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        options = {
            "recipe": RECIPE,
            "precision": "float32",
            "name": "first",
            "progress": False,
            "device": "cpu",
        }
        run = residual.train(DATA, model=model, **options)
        run.evaluate()
    return folder, run


@pytest.fixture
def run(trained, monkeypatch):
    monkeypatch.chdir(trained[0])
    return trained[1]


def test_a_run_is_evaluated_later_on_what_is_given_again(run):
    scores = run.evaluate()
    later = residual.open_run("first")
    with pytest.raises(DataError, match="which a run does not keep. Give the same arrays again"):
        later.evaluate()
    assert residual.evaluate("first", DATA).to_dict() == scores.to_dict()
    assert residual.evaluate("first", PAIRS[1]).accuracy == scores.accuracy
    leaked = residual.evaluate("first", (DATA.train.x[:10], np.array(DATA.classes)[DATA.train.y[:10]]))
    assert (leaked.n, leaked.leaked) == (10, 10)
    with pytest.raises(ResidualError, match="data must be the name of a data set, a path"):
        residual.evaluate("first", DATA.test.x)


def test_files_pillow_images_and_arrays_get_the_same_predictions(run):
    image = Image.fromarray(DATA.test.x[0])
    image.save("photo.png")
    answers = residual.predict(run, ["photo.png", image, DATA.test.x[0], DATA.test.x[:1] / 255])
    assert [answer.image for answer in answers] == ["photo.png", "image 1", "image 2", "image 3"]
    assert len({answer.probability for answer in answers}) == 1
    assert [answer.label for answer in run.predict(DATA.test.x)] == [
        DATA.classes[i] for i in run.model.predict(DATA.test.x, verbose=0).argmax(1)
    ]
    (grey,) = run.predict(DATA.test.x[0, :, :, 0].astype(np.uint16) * 257)
    (same,) = run.predict(image.getchannel(0))
    assert grey.probabilities == same.probabilities
    (opened,) = run.predict(Image.open("photo.png"))  # Pillow 10.3 makes its path absolute
    assert (Path(opened.image).name, opened.probability) == ("photo.png", answers[0].probability)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (
            5,
            "images must be paths of image files or folders, patterns such as photos/*.jpg, Pillow images or arrays",
        ),
        (
            np.zeros((2, 16, 16)),
            "images must be arrays of numbers (height, width, 3) or (n, height, width, 3); got",
        ),
        (["gone.png"], "There is no image gone.png."),
    ],
)
def test_what_is_no_image_is_one_short_message(run, images, message):
    with pytest.raises(DataError) as caught:
        run.predict(images)
    assert str(caught.value).startswith(message)
    assert len(str(caught.value)) < 300


def test_an_array_of_other_pixels_is_named_in_its_prediction(run):
    good, bad = run.predict([DATA.test.x[0], DATA.test.x[0] - 128.0])
    assert not good.error
    assert bad.error.startswith(
        "images must have pixels from 0 to 255, or floats from 0 to 1; got float64 from -"
    )


class Own(keras.optimizers.SGD):
    pass


class Slope(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step):
        return 0.1

    def get_config(self):
        return {}


def test_an_optimizer_is_made_again_from_what_is_recorded():
    rate = keras.optimizers.schedules.CosineDecay(0.1, 10)
    text = serialize_optimizer(keras.optimizers.AdamW(rate, weight_decay=0.02))
    again = make_given(text)
    assert (type(again), again.weight_decay) == (keras.optimizers.AdamW, 0.02)
    assert float(again.learning_rate) == pytest.approx(0.1)
    assert TrainOptions.from_table(TrainOptions(optimizer=again).to_table()).optimizer == text


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"optimizer": Own(0.1)},
            "optimizer must be one of Keras's own, which a run can record and resume with; got Own",
        ),
        (
            {"optimizer": keras.optimizers.SGD(Slope())},
            "optimizer must be one that Keras can make again from its conf",
        ),
        (
            {"optimizer": "sgd"},
            "optimizer must be a Keras optimizer, such as keras.optimizers.SGD(0.1); got 'sgd'",
        ),
        ({"callbacks": Count()}, "callbacks must be a list of Keras callbacks; got"),
        ({"callbacks": [print]}, "callbacks must be a list of Keras callbacks; got"),
    ],
)
def test_what_cannot_be_resumed_is_refused_at_once(values, message):
    with pytest.raises(RecipeError) as caught:
        residual.train("there is no such data", **values)
    assert str(caught.value).startswith(message)


def test_a_recorded_optimizer_names_no_code_of_others():
    table = json.loads(serialize_optimizer(keras.optimizers.SGD(0.1)))
    table["config"]["learning_rate"] = {"module": "os", "class_name": "system", "config": {}}
    with pytest.raises(RecipeError, match="os is not keras.optimizers"):
        make_given(json.dumps(table))


def test_a_model_that_does_not_fit_the_data_leaves_no_run(model):
    with pytest.raises(NetworkError, match="model must take the images of the data"):
        residual.train("digits", model=model, image_size=8, name="none", progress=False)
    assert not RunFolder("runs/none").path.exists()


def test_the_plan_names_what_must_be_given_again(model):
    options = TrainOptions(
        DATA, model=model, recipe=RECIPE, optimizer=keras.optimizers.SGD(0.1), callbacks=[Count()]
    )
    assert describe_given(make_job(options)) == [
        "a Keras model given from Python, with the weights that it has",
        "SGD in place of the recipe's optimizer and schedule",
        "callbacks Count",
        "to continue the run after an interruption, give it the same arrays and callbacks (what they remember begins "
        "anew) again",
    ]
    assert describe_given(make_job(TrainOptions("digits"))) == []
