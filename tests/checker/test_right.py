"""Right blocks and networks, however they are spelled: none has a mistake."""

import pytest

from residual.checker import check
from tests.support import learners

INIT = "kernel_initializer=initializer(seed=0)"
PLAIN = {f"bn{i}": "X = BatchNormalization()(X)" for i in (1, 2, 3)}
CONVOLUTIONAL_PLAIN = {**PLAIN, "bns": "X_shortcut = BatchNormalization()(X_shortcut)"}
HELPER = """
def conv_bn(x, n, k, s=1, relu=True, training=None, init=glorot_uniform):
    x = layers.Conv2D(n, k, strides=s, padding="same", kernel_initializer=init(seed=0))(x)
    x = layers.BatchNormalization(axis=-1)(x, training=training)
    return layers.ReLU()(x) if relu else x


def identity_block(x, f, n_f, training=False, initializer=glorot_uniform):
    y = conv_bn(x, n_f[0], 1, training=training, init=initializer)
    y = conv_bn(y, n_f[1], f, training=training, init=initializer)
    y = conv_bn(y, n_f[2], 1, relu=False, training=training, init=initializer)
    return ops.relu(y + x)


def convolutional_block(x, f, n_f, s=2, training=False, initializer=glorot_uniform):
    y = conv_bn(x, n_f[0], 1, s, training=training, init=initializer)
    y = conv_bn(y, n_f[1], f, training=training, init=initializer)
    y = conv_bn(y, n_f[2], 1, relu=False, training=training, init=initializer)
    side = conv_bn(x, n_f[2], 1, s, relu=False, training=training, init=initializer)
    return ops.maximum(ops.add(side, y), 0)
"""

# What the course gives its learners: named layers, a fixed initializer, no training flag.
NAMED = {
    "def": "def {name}(X, f, filters, stage, block{s}):\n    base = str(stage) + block + '_branch'",
    "conv1": "X = Conv2D(F1, (1, 1), strides={s1}, padding='same', name='res' + base + '2a', {init})(X)",
    "bn1": "X = BatchNormalization(axis=3, name='bn' + base + '2a')(X)",
    "conv2": "X = Conv2D(F2, (f, f), strides=(1, 1), padding='same', name='res' + base + '2b', {init})(X)",
    "bn2": "X = BatchNormalization(axis=3, name='bn' + base + '2b')(X)",
    "conv3": "X = Conv2D(F3, (1, 1), strides=(1, 1), padding='same', name='res' + base + '2c', {init})(X)",
    "bn3": "X = BatchNormalization(axis=3, name='bn' + base + '2c')(X)",
    "convs": "X_shortcut = Conv2D(F3, 1, strides=(s, s), name='res' + base + '1')(X_shortcut)",
    "bns": "X_shortcut = BatchNormalization(axis=3, name='bn' + base + '1')(X_shortcut)",
}


def named(name: str) -> str:
    """A block of the TF 1 notebook in Keras 3, by its layers' names."""
    strided = name == "convolutional_block"
    values = {"name": name, "s": ", s=1" if strided else "", "s1": "(s, s)" if strided else "(1, 1)"}
    values["init"] = "kernel_initializer=glorot_uniform(seed=0)"
    own = {key: line.format(**values) for key, line in NAMED.items() if key in learners.FUNCTIONS[name]}
    return learners.source(name, **own)


SPELLINGS = {
    "as the course": {},
    "order of the sum": {"add": "X = Add()([X_shortcut, X])"},
    "operator": {"add": "X = X_shortcut + X"},
    "in-place operator": {"add": "X += X_shortcut"},
    "functional add": {"add": "X = layers.add([X, X_shortcut])"},
    "ReLU layers": {"relu1": "X = ReLU()(X)", "relu2": "X = layers.Activation(keras.ops.relu)(X)"},
    "relu of keras.ops": {"relu1": "X = ops.relu(X)", "relu_out": "X = keras.activations.relu(X)"},
    "maximum with 0": {
        "relu2": "X = ops.maximum(X, 0.0)", "relu_out": "X = Lambda(lambda t: ops.maximum(t, 0))(X)"},
    "same for 1x1": {"conv1": f"X = Conv2D(F1, (1, 1), padding='same', {INIT})(X)"},
    "one relu layer thrice": {
        "unpack": "F1, F2, F3 = filters; relu = Activation('relu')",
        "relu1": "X = relu(X)", "relu2": "X = relu(X)", "relu_out": "X = relu(X)"},
    "other names": {"relu_out": "out = Activation('relu', name='my_out')(X)", "return": "return out"},
    "prints": {"after_conv2": "print('shape', X.shape)"},
    "no training flag": {"def": "def identity_block(X, f, filters, initializer=random_uniform):", **PLAIN},
    "strange names": {
        "def": "def identity_block(tensor, win, F, **more):\n    X, f, filters = tensor, win, F\n"
               "    training, initializer = None, glorot_uniform"},
    "course's batch norm": dict.fromkeys(
        ("bn1", "bn2", "bn3"), "X = BatchNormalization(momentum=0.9, epsilon=1e-6)(X, training=training)"),
    "numpy sizes": {"unpack": "F1, F2, F3 = (int(np.int64(n)) for n in filters)"},
    "linear activation": {"after_bn3": "X = Activation('linear')(X)"},
    "initializer as a value": {
        "def": "def identity_block(X, f, filters, training=None, initializer='he_normal'):",
        "conv1": "X = Conv2D(F1, 1, kernel_initializer=initializer)(X)",
        "conv2": "X = Conv2D(F2, f, padding='same', kernel_initializer=initializer)(X)",
        "conv3": "X = Conv2D(F3, 1, kernel_initializer=initializer)(X)"},
}  # fmt: skip


@pytest.mark.parametrize("changes", SPELLINGS.values(), ids=SPELLINGS)
def test_a_right_identity_block_is_right_however_it_is_spelled(changes):
    report = check(learners.learner("identity_block", **changes))
    assert report.ok, report.findings
    assert not report.notes


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"add": "X = X_shortcut + X"},
        {"conv1": f"X = Conv2D(F1, (1, 1), strides=(s, s), padding='same', {INIT})(X)"},
        {
            "def": "def convolutional_block(X, f, filters, s=2, initializer=glorot_uniform):",
            **CONVOLUTIONAL_PLAIN,
        },
    ],
)
def test_a_right_convolutional_block_is_right_however_it_is_spelled(changes):
    report = check(learners.learner("convolutional_block", **changes))
    assert report.ok, report.findings
    assert not report.notes


def test_blocks_built_by_a_helper_with_other_names_are_right():
    report = check(learners.namespace(HELPER))
    assert report.checked == ("identity_block", "convolutional_block")
    assert report.ok, report.findings


def test_blocks_with_the_course_s_layer_names_are_right():
    report = check(learners.namespace(named("identity_block"), named("convolutional_block")))
    assert report.checked == ("identity_block", "convolutional_block")
    assert report.ok, report.findings


@pytest.mark.parametrize("function", ["ResNet50", "resnet_v1", "resnet_v2"])
def test_a_right_network_is_right(function):
    report = check(learners.learner(function))
    assert function in report.checked
    assert report.ok, report.findings
    assert not report.notes


def _staged(key: str, line: str) -> str:
    """A line of ResNet50 with `stage` and `block` in its call; `key` is "2a" or "2bc"."""
    block = "'a'" if key.endswith("a") else "'b' + str(i)"
    return line.replace("])", f"], stage={key[0]}, block={block})").replace(
        "], s=", f"], stage={key[0]}, block={block}, s="
    )


def test_the_network_of_named_blocks_is_right_and_its_missing_relu_is_a_note():
    stages = {key: _staged(key, line) for key, line in learners.RESNET50.items() if "_block(" in line}
    changes = {
        **stages,
        "def": "def ResNet50(input_shape=(64, 64, 3), n_classes=6):",
        "relu": None,
        "dense": "X = Dense(n_classes, activation='softmax', name='fc' + str(n_classes))(X)",
    }
    codes = [named("identity_block"), named("convolutional_block"), learners.source("ResNet50", **changes)]
    report = check(learners.namespace(*codes))
    assert report.ok, report.findings
    assert [finding.mistake for finding in report.notes] == ["stem-relu-left-out"]


def test_global_average_pooling_is_as_good():
    changes = {"avg": "x = GlobalAveragePooling2D()(x)", "flat": "y = x"}
    assert check(learners.learner("resnet_v1", **changes)).ok
