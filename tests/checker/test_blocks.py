"""Blocks with one planted mistake each: the checker names it, and names nothing else."""

import pytest

from residual.checker import check
from tests.support import learners

RELU, TAIL = "X = Activation('relu')(X)", "X_shortcut"
NORM = "X = BatchNormalization(axis=3)(X, training=training)"
INIT = "kernel_initializer=initializer(seed=0)"


def conv(filters: str, kernel: str, stride: str = "1", more: str = "") -> str:
    return f"X = Conv2D({filters}, {kernel}, strides={stride}, padding='same', {INIT}{more})(X)"


def norms(text: str) -> dict[str, str]:
    return dict.fromkeys(("bn1", "bn2", "bn3"), text)


# name of the mistake, the place that must be named, the changed lines
IDENTITY = [
    ("shortcut-not-added", "", {"add": None}),
    ("concatenated", "", {"add": "X = Concatenate()([X, X_shortcut])"}),
    ("multiplied", "", {"add": "X = Multiply()([X, X_shortcut])"}),
    ("multiplied", "", {"add": "X = X * X_shortcut"}),
    ("other-merge", "", {"add": "X = Average()([X, X_shortcut])"}),
    ("other-merge", "", {"add": "X = X - X_shortcut"}),
    ("added-to-itself", "", {"add": "X = Add()([X, X])"}),
    ("added-to-itself", "", {"add": "X = X + X"}),
    ("main-path-unused", "", {"add": "X = Add()([X_shortcut, X_shortcut])"}),
    ("extra-addition", "", {"add": "X = Add()([X, X_shortcut, X_shortcut])"}),
    ("extra-addition", "", {"after_add": "X = Add()([X, X_shortcut])"}),
    ("shortcut-taken-late", "", {"save": None, "after_relu1": "X_shortcut = X", "conv1": conv("F3", "1")}),
    ("relu-before-addition", "", {"after_bn3": RELU, "relu_out": None}),
    ("relu-missing-after-addition", "", {"relu_out": None}),
    ("relu-on-last-component", "3rd", {"after_bn3": RELU}),
    ("relu-on-last-component", "3rd", {"bn3": f"{RELU}\n{NORM}"}),
    ("relu-on-shortcut", "", {"save": "X_shortcut = Activation('relu')(X)"}),
    ("relu-missing", "1st", {"relu1": None}),
    ("relu-missing", "2nd", {"relu2": None}),
    ("other-activation", "1st", {"relu1": "X = Activation('sigmoid')(X)"}),
    ("other-activation", "2nd", {"relu2": "X = ops.tanh(X)"}),
    ("other-activation", "last", {"relu_out": "X = LeakyReLU()(X)"}),
    ("norm-missing", "1st", {"bn1": None}),
    ("norm-missing", "2nd", {"bn2": None}),
    ("norm-missing", "3rd", {"bn3": None}),
    ("norm-before-convolution", "1st", {"conv1": NORM, "bn1": learners.IDENTITY["conv1"]}),
    ("norm-before-convolution", "2nd", {"conv2": NORM, "bn2": learners.IDENTITY["conv2"]}),
    ("norm-before-convolution", "3rd", {"conv3": NORM, "bn3": learners.IDENTITY["conv3"]}),
    ("norm-after-relu", "1st", {"bn1": RELU, "relu1": NORM}),
    ("norm-after-relu", "2nd", {"conv2": conv("F2", "f", more=", activation='relu'"), "relu2": None}),
    ("norm-after-relu", "2nd", {"conv2": conv("F2", "f", more=", activation='relu'")}),
    ("norm-after-addition", "", {"after_add": NORM}),
    ("pre-activation-order", "", {
        "conv1": f"{NORM}\n{RELU}", "bn1": learners.IDENTITY["conv1"], "relu1": None,
        "conv2": f"{NORM}\n{RELU}", "bn2": learners.IDENTITY["conv2"], "relu2": None,
        "conv3": f"{NORM}\n{RELU}", "bn3": learners.IDENTITY["conv3"], "relu_out": None}),
    ("convolution-count", "", {"conv2": None, "bn2": None, "relu2": None}),
    ("extra-layer", "", {"after_relu2": "X = Dropout(0.5)(X)"}),
    ("extra-layer", "", {"after_conv2": NORM}),
    ("conv-on-identity-shortcut", "", {"after_save": f"X_shortcut = Conv2D(F3, 1, {INIT})(X)"}),
    ("padding", "2nd", {"conv2": f"X = Conv2D(F2, f, padding='valid', {INIT})(X)"}),
    ("padding", "2nd", {"conv2": f"X = Conv2D(F2, f, {INIT})(X)"}),
    ("wrong-stride", "1st", {"conv1": conv("F1", "1", "2")}),
    ("kernel-on-wrong-convolution", "1st", {"conv1": conv("F1", "f"), "conv2": conv("F2", "1")}),
    ("kernel-on-wrong-convolution", "3rd", {"conv3": conv("F3", "f"), "conv2": conv("F2", "1")}),
    ("wrong-kernel", "3rd", {"conv3": conv("F3", "f")}),
    ("wrong-kernel", "2nd", {"conv2": conv("F2", "1")}),
    ("hard-coded", "2nd", {"conv2": conv("F2", "3")}),
    ("hard-coded", "1st", {"conv1": conv("4", "1")}),
    ("filters-permuted", "", {"unpack": "F2, F1, F3 = filters"}),
    ("filters-permuted", "", {"unpack": "F3, F2, F1 = filters"}),
    ("wrong-filters", "2nd", {"conv2": conv("F1", "f")}),
    ("unusual-convolution", "2nd", {"conv2": conv("F2", "f", more=", dilation_rate=2")}),
    ("epsilon", "", norms("X = BatchNormalization(axis=3, epsilon=0.1)(X, training=training)")),
    ("epsilon", "2nd", {"bn2": "X = BatchNormalization(axis=3, epsilon=1e-5)(X, training=training)"}),
    ("axis", "", norms("X = BatchNormalization(axis=1)(X, training=training)")),
    ("axis", "2nd", {"bn2": "X = BatchNormalization(axis=2)(X, training=training)"}),
    ("momentum", "1st", {"bn1": "X = BatchNormalization(momentum=0.5)(X, training=training)"}),
    ("other-normalization", "3rd", {"bn3": "X = LayerNormalization()(X)"}),
    ("no-scale-or-shift", "1st", {"bn1": "X = BatchNormalization(scale=False)(X, training=training)"}),
    ("training-not-passed", "", norms("X = BatchNormalization(axis=3)(X)")),
    ("training-not-passed", "3rd", {"bn3": "X = BatchNormalization(axis=3)(X)"}),
    ("training-baked-in", "", norms("X = BatchNormalization(axis=3)(X, training=True)")),
    ("training-baked-in", "", norms("X = BatchNormalization(axis=3)(X, training=False)")),
    ("training-baked-in", "2nd", {"bn2": "X = BatchNormalization(axis=3)(X, training=True)"}),
    ("training-inverted", "", norms("X = BatchNormalization(axis=3)(X, training=not training)")),
    ("initializer-ignored", "2nd", {"conv2": "X = Conv2D(F2, f, padding='same')(X)"}),
    ("initializer-seed", "1st", {"conv1": "X = Conv2D(F1, 1, kernel_initializer=initializer(seed=1))(X)"}),
    ("initializer-seed", "3rd", {"conv3": "X = Conv2D(F3, 1, kernel_initializer=initializer())(X)"}),
    ("frozen", "1st", {"conv1": f"X = Conv2D(F1, 1, trainable=False, {INIT})(X)"}),
    ("frozen", "2nd", {"bn2": "X = BatchNormalization(trainable=False)(X, training=training)"}),
    ("wrong-type", "", {"return": None}),
    ("wrong-type", "", {"return": "return X, X_shortcut"}),
    ("disconnected", "", {"after_unpack": "X = Input((None, None, X.shape[-1]))"}),
    ("raises", "", {"relu2": "X = Activaton('relu')(X)"}),
    ("signature", "", {"def": "def identity_block(X, filters, initializer=None):\n    f = 3"}),
    ("signature", "", {"def": "def identity_block(X, f, filters, size, training=None, initializer=None):"}),
]  # fmt: skip


def shortcut(filters="F3", kernel="1", stride="(s, s)") -> str:
    return f"X_shortcut = Conv2D({filters}, {kernel}, strides={stride}, padding='same', {INIT})(X_shortcut)"


CONVOLUTIONAL = [
    ("stride-missing-main", "", {"conv1": conv("F1", "1")}),
    ("stride-missing-shortcut", "", {"convs": shortcut(stride="1")}),
    ("stride-on-every-convolution", "", {"conv2": conv("F2", "f", "s"), "conv3": conv("F3", "1", "s")}),
    ("stride-on-every-convolution", "", {"conv2": conv("F2", "f", "s")}),
    ("stride-on-wrong-convolution", "2nd", {"conv1": conv("F1", "1"), "conv2": conv("F2", "f", "s")}),
    ("stride-on-wrong-convolution", "3rd", {"conv1": conv("F1", "1"), "conv3": conv("F3", "1", "s")}),
    ("hard-coded", "1st", {"conv1": conv("F1", "1", "2"), "convs": shortcut(stride="2")}),
    ("wrong-stride", "1st", {"conv1": conv("F1", "1", "s + 1")}),
    ("shortcut-not-projected", "", {"convs": None, "bns": None}),
    ("shortcut-not-projected", "", {"convs": "X_shortcut = AveragePooling2D(s)(X_shortcut)", "bns": None}),
    ("wrong-kernel-shortcut", "", {"convs": shortcut(kernel="f")}),
    ("wrong-kernel-shortcut", "", {"convs": shortcut(kernel="3")}),
    ("wrong-filters-shortcut", "", {"convs": shortcut("F1")}),
    ("norm-missing-shortcut", "", {"bns": None}),
    ("norm-before-convolution", "shortcut", {
        "convs": learners.CONVOLUTIONAL["bns"], "bns": learners.CONVOLUTIONAL["convs"]}),
    ("relu-on-shortcut", "", {"after_bns": "X_shortcut = Activation('relu')(X_shortcut)"}),
    ("relu-before-addition", "", {"after_bn3": RELU, "relu_out": None}),
    ("relu-missing-after-addition", "", {"relu_out": None}),
    ("shortcut-taken-late", "", {
        "save": None, "after_relu1": "X_shortcut = X", "convs": shortcut(stride="1")}),
    ("shortcut-not-added", "", {"add": None}),
    ("concatenated", "", {"add": "X = Concatenate()([X, X_shortcut])"}),
    ("padding", "2nd", {"conv2": f"X = Conv2D(F2, f, padding='valid', {INIT})(X)"}),
    ("norm-missing", "3rd", {"bn3": None}),
    ("training-not-passed", "shortcut", {"bns": "X_shortcut = BatchNormalization(axis=3)(X_shortcut)"}),
    ("initializer-ignored", "shortcut", {"convs": "X_shortcut = Conv2D(F3, 1, strides=s)(X_shortcut)"}),
    ("signature", "", {
        "def": "def convolutional_block(X, f, filters, training=None, initializer=None):\n    s = 2"}),
]  # fmt: skip

# What a shortcut taken late brings along where the sum is still possible: other filters, or another stride.
ALSO = {"shortcut-taken-late": {"stride-missing-shortcut", "wrong-filters"}}


def mistakes(report) -> set[str]:
    return {finding.mistake for finding in report.mistakes}


def assert_names(function: str, mistake: str, place: str, changes: dict) -> None:
    report = check(learners.learner(function, **changes))
    assert mistakes(report) - ALSO.get(mistake, set()) == {mistake}, report.findings
    named = next(finding for finding in report.findings if finding.mistake == mistake)
    assert place in named.place
    assert named.function == function
    assert named.message
    assert named.hint
    assert "{" not in named.message + named.hint
    assert not report.ok


@pytest.mark.parametrize(("mistake", "place", "changes"), IDENTITY)
def test_identity_block_names_the_planted_mistake(mistake, place, changes):
    assert_names("identity_block", mistake, place, changes)


def test_a_layer_that_looks_right_and_computes_otherwise_is_found_by_its_numbers():
    odd = """
class Doubled(BatchNormalization):
    def call(self, x, training=None):
        return 2 * super().call(x, training=training)
"""
    code = learners.source("identity_block", bn2="X = Doubled(axis=3)(X, training=training)")
    (finding,) = check(learners.namespace(odd, code)).mistakes
    assert finding.mistake == "numbers-differ"
    assert "first difference at the end of the 2nd component" in finding.message


@pytest.mark.parametrize(("mistake", "place", "changes"), CONVOLUTIONAL)
def test_convolutional_block_names_the_planted_mistake(mistake, place, changes):
    assert_names("convolutional_block", mistake, place, changes)
