"""Networks with one planted mistake each, and what the checker makes of wrong blocks in a network."""

import keras
import pytest

from residual.checker import check, function_check, network_check
from tests.support import learners

R, V1, V2 = learners.RESNET50, learners.V1, learners.V2

RESNET50 = [
    ("stem-padding", {"pad": "X = X_input"}),
    ("stem-padding", {"pad": "X = X_input", "conv": "X = Conv2D(64, 7, strides=2, padding='same')(X)"}),
    ("stem-kernel", {"conv": "X = Conv2D(64, (3, 3), strides=(2, 2))(X)"}),
    ("stem-filters", {"conv": "X = Conv2D(32, (7, 7), strides=(2, 2))(X)"}),
    ("stem-stride", {"conv": "X = Conv2D(64, (7, 7))(X)"}),
    ("stem-norm-missing", {"bn": None}),
    ("stem-order", {"bn": R["relu"], "relu": R["bn"]}),
    ("pool-missing", {"pool": None}),
    ("pool-kind", {"pool": "X = AveragePooling2D((3, 3), strides=(2, 2))(X)"}),
    ("pool-size", {"pool": "X = MaxPooling2D((2, 2), strides=(2, 2))(X)"}),
    ("pool-size", {"pool": "X = MaxPooling2D((3, 3), strides=(2, 2), padding='same')(X)"}),
    ("block-count", {"4bcdef": R["4bcdef"].replace("range(5)", "range(4)")}),
    ("stage-count", {"5a": None, "5bc": None}),
    ("stage-filters", {name: R[name].replace("128, 128", "64, 64") for name in ("3a", "3bcd")}),
    ("stage-filters", {name: R[name].replace("256", "128") for name in ("2a", "2bc")}),
    ("stage-stride", {"2a": R["2a"].replace("s=1", "s=2")}),
    ("stage-stride", {"3a": R["3a"].replace("s=2", "s=1")}),
    ("wrong-kernel", {"3a": R["3a"].replace("f=3", "f=5")}),
    ("shortcut-not-projected", {"3a": R["3a"].replace("convolutional", "identity").replace(", s=2", "")}),
    ("conv-on-identity-shortcut", {
        "3bcd": "for i in range(3): X = convolutional_block(X, 3, [128, 128, 512], s=1)"}),
    ("head-pool-missing", {"avg": None}),
    ("head-pool-kind", {"avg": "X = MaxPooling2D((2, 2))(X)"}),
    ("flatten-missing", {"flat": None}),
    ("dense-missing", {"dense": None}),
    ("dense-units", {"dense": R["dense"].replace("classes", "1000")}),
    ("dense-activation", {"dense": "X = Dense(classes)(X)"}),
    ("dense-activation", {"dense": R["dense"].replace("softmax", "sigmoid")}),
    ("wrong-type", {"return": "return X"}),
    ("raises", {"pool": "X = MaxPool((3, 3))(X)"}),
]  # fmt: skip

CIFAR = [
    ("resnet_v1", "stem-relu-missing", {"stem": "x = resnet_layer(inputs, activation=None)"}),
    ("resnet_v1", "shortcut-not-projected", {"if": "        if False:"}),
    ("resnet_v1", "relu-missing-after-addition", {"relu": None}),
    ("resnet_v1", "relu-before-addition", {"y2": V1["y2"].replace(", activation=None", ""), "relu": None}),
    ("resnet_v1", "relu-on-last-component", {"y2": V1["y2"].replace(", activation=None", "")}),
    ("resnet_v1", "relu-missing", {"y1": V1["y1"].replace("=strides", "=strides, activation=None")}),
    ("resnet_v1", "block-count", {"n": "n = (depth - 2) // 9"}),
    ("resnet_v1", "norm-on-shortcut", {"project": V1["project"].replace("=False", "=True")}),
    ("resnet_v1", "stage-filters", {"wider": None}),
    ("resnet_v1", "stage-stride", {"stride": "        strides = 1"}),
    ("resnet_v1", "dense-units", {"dense": V1["dense"].replace("num_classes", "10")}),
    ("resnet_v1", "shortcut-not-added", {"add": "        x = y"}),
    ("resnet_v2", "post-activation-order", {
        name: V2[name].replace("conv_first=False", "conv_first=True") for name in ("y1", "y2", "y3")}),
    ("resnet_v2", "final-norm-missing", {"bn": None}),
    ("resnet_v2", "final-relu-missing", {"relu_end": None}),
    ("resnet_v2", "relu-after-addition", {"after_add": "        x = Activation('relu')(x)"}),
    ("resnet_v2", "shortcut-not-projected", {"if": "        if block == 0 and stage > 0:"}),
    ("resnet_v2", "block-count", {"n": "n = (depth - 2) // 6"}),
    ("resnet_v2", "norm-on-shortcut", {"project": V2["project"].replace("=False", "=True")}),
]  # fmt: skip

# Taking the ReLU from the sum leaves the next block to start from what the Add gives: the same fault.
ALSO = {"relu-after-addition": {"shortcut-taken-late"}}


@pytest.fixture(autouse=True)
def right_blocks(monkeypatch):
    """The blocks of ResNet50 are right here; to check them again each time would take most of the time."""
    check_one = function_check._check_one

    def check_networks_only(name, *rest):
        return ([], "") if name in function_check.BLOCKS else check_one(name, *rest)

    monkeypatch.setattr(function_check, "_check_one", check_networks_only)


@pytest.fixture
def weightless():
    """Networks whose weights have no values: a mistake of structure shows without, in a third of the time."""
    network_check.build_reference.cache_clear()
    with keras.StatelessScope(initialize_variables=False):
        yield
    network_check.build_reference.cache_clear()
    keras.utils.clear_session()


def assert_names(function: str, mistake: str, changes: dict) -> None:
    report = check(learners.learner(function, **changes))
    named = {finding.mistake for finding in report.mistakes}
    assert named - ALSO.get(mistake, set()) == {mistake}, report.findings
    assert {finding.function for finding in report.mistakes} == {function}
    for finding in report.mistakes:
        assert "{" not in finding.message + finding.hint


def with_training_on() -> dict:
    """Right blocks whose `training` is True by default, and a network that does not pass it."""
    codes = []
    for name in function_check.BLOCKS:
        head = learners.FUNCTIONS[name]["def"].replace("training=None", "training=True")
        codes.append(learners.source(name, **{"def": head}))
    return learners.namespace(*codes, learners.source("ResNet50"))


@pytest.mark.usefixtures("weightless")
def test_blocks_that_train_by_default_are_a_mistake_in_a_network_that_does_not_say_otherwise():
    report = check(with_training_on())
    assert {finding.mistake for finding in report.mistakes} == {"training-baked-in"}


@pytest.mark.usefixtures("weightless")
@pytest.mark.parametrize(("mistake", "changes"), RESNET50)
def test_resnet50_names_the_planted_mistake(mistake, changes):
    assert_names("ResNet50", mistake, changes)


@pytest.mark.usefixtures("weightless")
@pytest.mark.parametrize(("function", "mistake", "changes"), CIFAR)
def test_cifar_networks_name_the_planted_mistake(function, mistake, changes):
    assert_names(function, mistake, changes)


@pytest.mark.usefixtures("weightless")
def test_block_count_says_which_stage_and_how_many():
    report = check(learners.learner("ResNet50", **{"4bcdef": R["4bcdef"].replace("range(5)", "range(6)")}))
    (finding,) = report.mistakes
    assert finding.message == "stage 4 has 7 blocks, not 6 blocks."


def test_a_number_of_blocks_that_does_not_follow_the_depth_is_named():
    assert_names("resnet_v1", "depth-rule", {"n": "n = 2"})


def test_a_depth_that_is_not_refused_is_a_note():
    report = check(learners.learner("resnet_v1", depth=None))
    assert report.ok
    assert [finding.mistake for finding in report.notes] == ["depth-unchecked"]


def test_another_weight_decay_is_a_note():
    layer = learners.LAYER.replace(", kernel_regularizer=L2(1e-4)", "")
    report = check(learners.namespace(layer, learners.source("resnet_v1")))
    assert report.ok
    assert [finding.mistake for finding in report.notes] == ["regularizer"]


@pytest.mark.usefixtures("weightless")
def test_the_reference_s_blocks_stand_in_for_wrong_ones_and_the_learner_s_come_back():
    codes = [learners.source("identity_block", relu_out=None), learners.source("convolutional_block")]
    names = learners.namespace(*codes, learners.source("ResNet50", avg="X = MaxPooling2D((2, 2))(X)"))
    theirs = names["identity_block"]
    found, _ = network_check.check_network("ResNet50", names["ResNet50"], {"identity_block": theirs})
    assert [finding.mistake for finding in found] == ["head-pool-kind"]
    assert names["identity_block"] is theirs
