"""Mistakes planted in learners' code, one at a time: the checker must name each, and nothing else.

A row of a table is a right function of `learners` with some lines changed. `tests/checker/test_rules.py` fails if a
rule of the checker has no row.
"""

from typing import NamedTuple

from tests.support import learners


class Planted(NamedTuple):
    """A mistake in a function.

    Attributes:
        mistake: the name that the checker must give it.
        function: the function that has it.
        changes: the changed lines, for `learners.source`.
        place: part of the place that must be named.
        before: code in front of the function.
    """

    mistake: str
    function: str
    changes: dict
    place: str = ""
    before: str = ""

    def define(self):
        """The function with its mistake."""
        return learners.learner(self.function, self.before, **self.changes)


RELU = "X = Activation('relu')(X)"
NORM = "X = BatchNormalization(axis=3)(X, training=training)"
INIT = "kernel_initializer=initializer(seed=0)"


def conv(filters: str, kernel: str, stride: str = "1", more: str = "") -> str:
    return f"X = Conv2D({filters}, {kernel}, strides={stride}, padding='same', {INIT}{more})(X)"


def norms(text: str) -> dict[str, str]:
    return dict.fromkeys(("bn1", "bn2", "bn3"), text)


# Name of the mistake, the place that must be named, the changed lines.
_IDENTITY = [
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
    ("frozen", "1st", {"conv1": f"X = Conv2D(F1, 1, trainable=False, {INIT})(X)"}),
    ("frozen", "2nd", {"bn2": "X = BatchNormalization(trainable=False)(X, training=training)"}),
    ("wrong-type", "", {"return": None}),
    ("wrong-type", "", {"return": "return X, X_shortcut"}),
    ("disconnected", "", {"after_unpack": "X = Input((None, None, X.shape[-1]))"}),
    ("raises", "", {"relu2": "X = Activaton('relu')(X)"}),
    ("main-path-called-on-shortcut", "2nd convolution", {
        "conv2": conv("F2", "f").replace("(X)", "(X_shortcut)")}),
    ("main-path-called-on-shortcut", "3rd convolution", {
        "conv3": conv("F3", "1").replace("(X)", "(X_shortcut)")}),
    ("other-activation", "1st", dict.fromkeys(("relu1", "relu2", "relu_out"), "X = layers.PReLU()(X)")),
    ("unfinished", "", {
        "conv2": "X = None", "bn2": "X = None", "relu2": None, "conv3": None, "bn3": None}),
    ("signature", "", {"def": "def identity_block(X, f, filters, size, training=None, initializer=None):"}),
]  # fmt: skip


def shortcut(filters="F3", kernel="1", stride="(s, s)") -> str:
    return f"X_shortcut = Conv2D({filters}, {kernel}, strides={stride}, padding='same', {INIT})(X_shortcut)"


_CONVOLUTIONAL = [
    ("stride-missing-main", "", {"conv1": conv("F1", "1")}),
    ("stride-missing-shortcut", "", {"convs": shortcut(stride="1")}),
    (
        "pooled-shortcut",
        "",
        {"convs": f"X_shortcut = AveragePooling2D(s, padding='same')(X_shortcut); {shortcut(stride='1')}"},
    ),
    ("stride-on-every-convolution", "", {"conv2": conv("F2", "f", "s"), "conv3": conv("F3", "1", "s")}),
    ("stride-on-every-convolution", "", {"conv2": conv("F2", "f", "s")}),
    ("stride-on-wrong-convolution", "2nd", {"conv1": conv("F1", "1"), "conv2": conv("F2", "f", "s")}),
    ("stride-on-wrong-convolution", "3rd", {"conv1": conv("F1", "1"), "conv3": conv("F3", "1", "s")}),
    ("hard-coded", "1st", {"conv1": conv("F1", "1", "2"), "convs": shortcut(stride="2")}),
    ("wrong-stride", "1st", {"conv1": conv("F1", "1", "s + 1")}),
    ("shortcut-taken-late", "", {"save": None, "after_relu1": "X_shortcut = X"}),
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
    ("shortcut-called-on-main-path", "shortcut's convolution", {
        "convs": shortcut().replace("(X_shortcut)", "(X)")}),
    ("shortcut-called-on-main-path", "shortcut's batch norm", {
        "bns": learners.CONVOLUTIONAL["bns"].replace("(X_shortcut,", "(X,")}),
    ("shortcut-kept-as-main-path", "shortcut", {
        "convs": shortcut().replace("X_shortcut =", "X ="), "bns": NORM}),
]  # fmt: skip

# A batch norm that looks right and computes something else.
DOUBLED = """
class Doubled(BatchNormalization):
    def call(self, x, training=None):
        return 2 * super().call(x, training=training)
"""

BLOCKS = [
    *(Planted(mistake, "identity_block", changes, place) for mistake, place, changes in _IDENTITY),
    *(Planted(mistake, "convolutional_block", changes, place) for mistake, place, changes in _CONVOLUTIONAL),
    Planted(
        "numbers-differ", "identity_block", {"bn2": "X = Doubled(axis=3)(X, training=training)"}, "", DOUBLED
    ),
]

R, V1, V2 = learners.RESNET50, learners.V1, learners.V2

# Name of the mistake, the changed lines.
_RESNET50 = [
    ("stem-padding", {"pad": "X = X_input"}),
    ("stem-kernel", {"conv": "X = Conv2D(64, (3, 3), strides=(2, 2))(X)"}),
    ("stem-filters", {"conv": "X = Conv2D(32, (7, 7), strides=(2, 2))(X)"}),
    ("stem-stride", {"conv": "X = Conv2D(64, (7, 7))(X)"}),
    ("stem-norm-missing", {"bn": None}),
    ("stem-order", {"bn": R["relu"], "relu": R["bn"]}),
    ("pool-missing", {"pool": None}),
    ("pool-kind", {"pool": "X = AveragePooling2D((3, 3), strides=(2, 2))(X)"}),
    ("pool-size", {"pool": "X = MaxPooling2D((2, 2), strides=(2, 2))(X)"}),
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

_CIFAR = [
    ("stem-relu-missing", "resnet_v1", {"stem": "x = resnet_layer(inputs, activation=None)"}),
    ("shortcut-not-projected", "resnet_v1", {"if": "        if False:"}),
    ("relu-missing-after-addition", "resnet_v1", {"relu": None}),
    ("relu-before-addition", "resnet_v1", {"y2": V1["y2"].replace(", activation=None", ""), "relu": None}),
    ("relu-on-last-component", "resnet_v1", {"y2": V1["y2"].replace(", activation=None", "")}),
    ("relu-missing", "resnet_v1", {"y1": V1["y1"].replace("=strides", "=strides, activation=None")}),
    ("block-count", "resnet_v1", {"n": "n = (depth - 2) // 9"}),
    ("stage-filters", "resnet_v1", {"wider": None}),
    ("stage-stride", "resnet_v1", {"stride": "        strides = 1"}),
    ("dense-units", "resnet_v1", {"dense": V1["dense"].replace("num_classes", "10")}),
    ("shortcut-not-added", "resnet_v1", {"add": "        x = y"}),
    ("post-activation-order", "resnet_v2", {
        name: V2[name].replace("conv_first=False", "conv_first=True") for name in ("y1", "y2", "y3")}),
    ("final-norm-missing", "resnet_v2", {"bn": None}),
    ("final-relu-missing", "resnet_v2", {"relu_end": None}),
    ("relu-after-addition", "resnet_v2", {"after_add": "        x = Activation('relu')(x)"}),
    ("shortcut-not-projected", "resnet_v2", {"if": "        if block == 0 and stage > 0:"}),
    ("block-count", "resnet_v2", {"n": "n = (depth - 2) // 6"}),
    ("norm-on-shortcut", "resnet_v2", {"project": V2["project"].replace("=False", "=True")}),
]  # fmt: skip

# Networks of which the structure alone is checked.
NETWORKS = [
    *(Planted(mistake, "ResNet50", changes) for mistake, changes in _RESNET50),
    *(Planted(mistake, function, changes) for mistake, function, changes in _CIFAR),
]
# These show only in networks whose numbers are right.
RIGHT_NETWORKS = [Planted("depth-rule", "resnet_v1", {"n": "n = 2"})]

# What is printed and is no mistake.
NOTES = [
    Planted("no-bias", "identity_block", {"conv1": f"X = Conv2D(F1, 1, use_bias=False, {INIT})(X)"}),
    Planted("relu-twice", "identity_block", {"after_relu2": "X = ops.relu(X)"}),
    Planted("relu-twice", "identity_block", {"after_relu_out": "X = ops.relu(X)"}),
    *(
        Planted(
            "training-default",
            name,
            {"def": learners.FUNCTIONS[name]["def"].replace("training=None", "training=True")},
        )
        for name in ("identity_block", "convolutional_block")
    ),
    Planted(
        "initializer-seed",
        "identity_block",
        {"conv1": "X = Conv2D(F1, 1, kernel_initializer=initializer(seed=1))(X)"},
    ),
    Planted("norm-missing-shortcut", "residual_block", {"norm_s": None}),
    Planted(
        "stride-fixed",
        "convolutional_block",
        {
            "def": "def convolutional_block(X, f, filters, training=None, initializer=glorot_uniform):\n    s = 1",
        },
    ),
    Planted(
        "training-fixed",
        "identity_block",
        {
            "def": "def identity_block(X, f, filters, initializer=random_uniform):",
            **norms("X = BatchNormalization(axis=3)(X, training=True)"),
        },
    ),
    Planted("stem-relu-left-out", "ResNet50", {"relu": None}),
    Planted(
        "stem-same",
        "ResNet50",
        {"pad": "X = X_input", "conv": "X = Conv2D(64, 7, strides=2, padding='same')(X)"},
    ),
    Planted("stem-same", "ResNet50", {"pool": "X = MaxPooling2D((3, 3), strides=(2, 2), padding='same')(X)"}),
    Planted("dropout-in-head", "ResNet50", {"after_flat": "X = Dropout(0.5)(X)"}),
    Planted("norm-on-projection", "resnet_v1", {"project": V1["project"].replace("=False", "=True")}),
    Planted(
        "shortcut-without-weights",
        "resnet_v1",
        {
            "project": "            x = AveragePooling2D(1, strides=2)(x)\n"
            "            x = ZeroPadding2D(((0, 0), (0, width // 2)), data_format='channels_first')(x)"
        },
    ),
    Planted("depth-unchecked", "resnet_v1", {"depth": None}),
    Planted("regularizer", "resnet_v1", {}, "", learners.LAYER.replace(", kernel_regularizer=L2(1e-4)", "")),
]

RIGHT = learners.PRELUDE + learners.source("identity_block")


def change(old: str, new: str) -> str:
    """A file with a right identity block, and a change in its text."""
    assert old in RIGHT, old
    return RIGHT.replace(old, new)


def find_line(text: str, part: str) -> int:
    return next(i for i, line in enumerate(text.splitlines(), 1) if part in line)


_SAVE = "X_shortcut = X"
SLOW = "def slow():\n    while True:\n        pass\n"

# Files: the mistake, the function, the text, part of the line that must be named, seconds, part of the message.
FILES = [
    ("raises", "identity_block", "def identity_block(X, f, filters, init=undefined_name):\n    return X\n",
     "def identity", 100, "NameError: name 'undefined_name' is not defined (line 1: def identity"),
    ("raises", "identity_block", "def identity_block(X, f, filters):\n    X = = 3\n    return X\n", "X = = 3", 100,
     "SyntaxError"),
    ("hangs", "", SLOW + change("training=None", "training=slow()"),
     "", 25, "it did not finish within 25 seconds."),
    ("hangs", "", "n = [print('x' * 1000, flush=True) for i in iter(int, 1)]\n" + change("training=None", "training=n"),
     "iter(int, 1)", 25, "it did not finish within 25 seconds."),
    ("crashed", "identity_block", change(_SAVE, "import os; os._exit(7)"), "", 100, "exit status 7"),
    ("nothing-to-check", "", "x = 1\n", "", 100, "it defines nothing that can be checked."),
    ("other-library", "", "import torch\n\nclass ResidualBlock(torch.nn.Module):\n    pass\n", "", 100, "PyTorch"),
    ("other-library", "", "import torch.not_installed as nn\n\nclass ResidualBlock(nn.Module):\n    pass\n", "", 100,
     "PyTorch"),
    ("not-imported", "identity_block", RIGHT.replace("BatchNormalization, Flatten", "Flatten"),
     "BatchNormalization(axis=3)(X", 100, "BatchNormalization is used and never imported"),
]  # fmt: skip

# What a file is right in spite of: the note, the text, part of the message.
FILE_NOTES = [
    ("import-failed", RIGHT.replace("BatchNormalization, Flatten", "Flatten").replace(
        "import numpy as np", "from our_own_layers import BatchNormalization"), "our_own_layers"),
    ("pooling-window", change(_SAVE, "X_shortcut = X; AveragePooling2D()"), "AveragePooling2D() has no window"),
    ("tensorflow-function", "import tensorflow as tf\n" + change("X = Activation('relu')(X)", "X = tf.nn.relu(X)"),
     "tf.nn.relu is called on a Keras tensor"),
]  # fmt: skip


def list_mistakes() -> set[str]:
    """The names of all planted mistakes."""
    functions = [*BLOCKS, *NETWORKS, *RIGHT_NETWORKS, *NOTES]
    return {planted.mistake for planted in functions} | {row[0] for row in [*FILES, *FILE_NOTES]}
