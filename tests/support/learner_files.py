"""Whole files in the styles that people write: right ones that must pass, wrong ones whose mistake must be named.

All of them are written for these tests.
"""

from tests.support import learners

_CONV, _NORM = "kernel_initializer=init", "BatchNormalization(axis=3)"

NO_WINDOW = '''
import tensorflow.keras as K


def identity_block(A_prev, filters):
    """No window argument: it is always 3."""
    F11, F3, F12 = filters
    init = K.initializers.he_normal()
    x = K.layers.Conv2D(F11, 1, padding="same", kernel_initializer=init)(A_prev)
    x = K.layers.BatchNormalization(axis=3)(x)
    x = K.layers.Activation("relu")(x)
    x = K.layers.Conv2D(F3, 3, padding="same", kernel_initializer=init)(x)
    x = K.layers.BatchNormalization(axis=3)(x)
    x = K.layers.Activation("relu")(x)
    x = K.layers.Conv2D(F12, 1, padding="same", kernel_initializer=init)(x)
    x = K.layers.BatchNormalization(axis=3)(x)
    return K.layers.Activation("relu")(K.layers.Add()([x, A_prev]))


def projection_block(A_prev, filters, s=2):
    F11, F3, F12 = filters
    init = K.initializers.he_normal()
    x = K.layers.Conv2D(F11, 1, strides=(s, s), padding="same", kernel_initializer=init)(A_prev)
    x = K.layers.BatchNormalization(axis=3)(x)
    x = K.layers.Activation("relu")(x)
    x = K.layers.Conv2D(F3, 3, padding="same", kernel_initializer=init)(x)
    x = K.layers.BatchNormalization(axis=3)(x)
    x = K.layers.Activation("relu")(x)
    x = K.layers.Conv2D(F12, 1, padding="same", kernel_initializer=init)(x)
    x = K.layers.BatchNormalization(axis=3)(x)
    y = K.layers.Conv2D(F12, 1, strides=(s, s), padding="same", kernel_initializer=init)(A_prev)
    y = K.layers.BatchNormalization(axis=3)(y)
    return K.layers.Activation("relu")(K.layers.Add()([x, y]))
'''

NO_WINDOW_NETWORK = (
    NO_WINDOW
    + """

def resnet50():
    X = K.Input(shape=(224, 224, 3))
    x = K.layers.Conv2D(64, 7, strides=2, padding="same")(X)
    x = K.layers.BatchNormalization(axis=3)(x)
    x = K.layers.Activation("relu")(x)
    x = K.layers.MaxPooling2D(3, strides=2, padding="same")(x)
    for count, width, s in ((2, 64, 1), (3, 128, 2), (5, 256, 2), (2, 512, 2)):
        x = projection_block(x, [width, width, 4 * width], s)
        for _ in range(count):
            x = identity_block(x, [width, width, 4 * width])
    x = K.layers.AveragePooling2D(7)(x)
    x = K.layers.Flatten()(x)
    return K.Model(X, K.layers.Dense(1000, activation="softmax")(x))
"""
)

TWO_FILTERS = """
from keras.layers import *


def res_identity(x, filters):
    x_skip = x
    f1, f2 = filters
    x = Conv2D(f1, kernel_size=(1, 1), strides=(1, 1), padding="valid")(x)
    x = BatchNormalization()(x)
    x = Activation("relu")(x)
    x = Conv2D(f1, kernel_size=(3, 3), strides=(1, 1), padding="same")(x)
    x = BatchNormalization()(x)
    x = Activation("relu")(x)
    x = Conv2D(f2, kernel_size=(1, 1), strides=(1, 1), padding="valid")(x)
    x = BatchNormalization()(x)
    x = Add()([x, x_skip])
    return Activation("relu")(x)


def res_conv(x, s, filters):
    x_skip = x
    f1, f2 = filters
    x = Conv2D(f1, kernel_size=(1, 1), strides=(s, s), padding="valid")(x)
    x = BatchNormalization()(x)
    x = Activation("relu")(x)
    x = Conv2D(f1, kernel_size=(3, 3), strides=(1, 1), padding="same")(x)
    x = BatchNormalization()(x)
    x = Activation("relu")(x)
    x = Conv2D(f2, kernel_size=(1, 1), strides=(1, 1), padding="valid")(x)
    x = BatchNormalization()(x)
    x_skip = Conv2D(f2, kernel_size=(1, 1), strides=(s, s), padding="valid")(x_skip)
    x_skip = BatchNormalization()(x_skip)
    x = Add()([x, x_skip])
    return Activation("relu")(x)
"""

ONE_COUNT = """
from keras.layers import *
from keras.models import Model


def residual_block(x, filters, stride=1):
    shortcut = x
    x = Conv2D(filters, 3, strides=stride, padding="same")(x)
    x = BatchNormalization()(x)
    x = ReLU()(x)
    x = Conv2D(filters, 3, padding="same")(x)
    x = BatchNormalization()(x)
    if stride != 1 or shortcut.shape[-1] != filters:
        shortcut = Conv2D(filters, 1, strides=stride, padding="same")(shortcut)
        shortcut = BatchNormalization()(shortcut)
    x = Add()([shortcut, x])
    return ReLU()(x)
"""

RESNET18 = (
    ONE_COUNT
    + """

def ResNet18(input_shape=(224, 224, 3), num_classes=1000):
    inputs = Input(input_shape)
    x = ZeroPadding2D((3, 3))(inputs)
    x = Conv2D(64, 7, strides=2)(x)
    x = BatchNormalization()(x)
    x = ReLU()(x)
    x = MaxPooling2D(3, strides=2)(x)
    for i, width in enumerate([64, 128, 256, 512]):
        x = residual_block(x, width, 1 if i == 0 else 2)
        x = residual_block(x, width)
    x = GlobalAveragePooling2D()(x)
    return Model(inputs, Dense(num_classes, activation="softmax")(x))
"""
)

CLASSES = """
import tensorflow as tf
from tensorflow.keras import layers, Model


class ResidualBlock(layers.Layer):
    def __init__(self, filters, strides=1, **kwargs):
        super().__init__(**kwargs)
        self.conv1 = layers.Conv2D(filters, 3, strides=strides, padding="same")
        self.bn1 = layers.BatchNormalization()
        self.conv2 = layers.Conv2D(filters, 3, padding="same")
        self.bn2 = layers.BatchNormalization()
        self.relu = layers.ReLU()
        self.shortcut = layers.Identity()
        if strides != 1:
            self.shortcut = tf.keras.Sequential(
                [layers.Conv2D(filters, 1, strides=strides), layers.BatchNormalization()]
            )

    def call(self, inputs, training=None):
        x = self.relu(self.bn1(self.conv1(inputs), training=training))
        x = self.bn2(self.conv2(x), training=training)
        return self.relu(x + self.shortcut(inputs))


class ResNet34(Model):
    def __init__(self, num_classes=1000):
        super().__init__()
        self.conv = layers.Conv2D(64, 7, strides=2, padding="same")
        self.bn = layers.BatchNormalization()
        self.pool = layers.MaxPooling2D(3, strides=2, padding="same")
        self.blocks = []
        for i, (count, width) in enumerate(zip((3, 4, 6, 3), (64, 128, 256, 512))):
            for j in range(count):
                self.blocks.append(ResidualBlock(width, 2 if i and not j else 1))
        self.avg = layers.GlobalAveragePooling2D()
        self.fc = layers.Dense(num_classes, activation="softmax")

    def call(self, x, training=None):
        x = self.pool(layers.ReLU()(self.bn(self.conv(x), training=training)))
        for block in self.blocks:
            x = block(x, training=training)
        return self.fc(self.avg(x))
"""

FLAG = """
from tensorflow.keras import layers


def bottleneck_block(x, filters, kernel_size=3, stride=1, conv_shortcut=True, name=None):
    if conv_shortcut:
        shortcut = layers.Conv2D(4 * filters, 1, strides=stride, name=name + "_0_conv")(x)
        shortcut = layers.BatchNormalization(axis=3, name=name + "_0_bn")(shortcut)
    else:
        shortcut = x
    x = layers.Conv2D(filters, 1, strides=stride, name=name + "_1_conv")(x)
    x = layers.BatchNormalization(axis=3, name=name + "_1_bn")(x)
    x = layers.Activation("relu", name=name + "_1_relu")(x)
    x = layers.Conv2D(filters, kernel_size, padding="SAME", name=name + "_2_conv")(x)
    x = layers.BatchNormalization(axis=3, name=name + "_2_bn")(x)
    x = layers.Activation("relu", name=name + "_2_relu")(x)
    x = layers.Conv2D(4 * filters, 1, name=name + "_3_conv")(x)
    x = layers.BatchNormalization(axis=3, name=name + "_3_bn")(x)
    x = layers.Add(name=name + "_add")([shortcut, x])
    return layers.Activation("relu", name=name + "_out")(x)
"""

SEQUENTIAL = (
    learners.PRELUDE
    + """

def identity_block(X, f, filters, initializer=glorot_uniform(seed=0)):
    F1, F2, F3 = filters
    main = keras.Sequential([
        Conv2D(F1, 1, kernel_initializer=initializer), BatchNormalization(axis=3), Activation("relu"),
        Conv2D(F2, f, padding="same", kernel_initializer=initializer), BatchNormalization(axis=3), Activation("relu"),
        Conv2D(F3, 1, kernel_initializer=initializer), BatchNormalization(axis=3)])
    return Activation("relu")(main(X) + X)
"""
)

WINDOW_THIRD = (
    learners.PRELUDE
    + """

def identity_block(X, num_filters, f, stage, block):
    name = str(stage) + block
    Y = Conv2D(num_filters[0], 1, name="conv" + name + "a")(X)
    Y = Activation("relu")(BatchNormalization(axis=3)(Y))
    Y = Conv2D(num_filters[1], f, padding="same")(Y)
    Y = Activation("relu")(BatchNormalization(axis=3)(Y))
    Y = BatchNormalization(axis=3)(Conv2D(num_filters[2], 1)(Y))
    return Activation("relu")(Add()([Y, X]))
"""
)

COURSE = (
    learners.PRELUDE
    + learners.source("identity_block")
    + learners.source("convolutional_block")
    + learners.source("ResNet50")
)
LARGE_HEAD = COURSE.replace(
    "input_shape=(64, 64, 3), classes=6", "input_shape=(224, 224, 3), classes=1000"
).replace("AveragePooling2D((2, 2))", "AveragePooling2D((7, 7))")

KERAS = "import tensorflow as tf\nfrom tensorflow.keras import layers, Model\n"

# A flag whose name says nothing, and a definition that a later one replaces.
UNKNOWN_FLAG = (
    KERAS
    + """

def block(x):
    return x


def block(x, filters, shrinks=False):
    stride = 2 if shrinks else 1
    y = layers.Conv2D(filters, 3, strides=stride, padding="same")(x)
    y = layers.ReLU()(layers.BatchNormalization(epsilon=1e-5, momentum=0.95)(y))
    y = layers.BatchNormalization(epsilon=1e-5)(layers.Conv2D(filters, 3, padding="same")(y))
    if shrinks:
        x = layers.BatchNormalization()(layers.Conv2D(filters, 1, strides=stride)(x))
    return layers.LeakyReLU()(layers.add([x, y]))
"""
)

# A flag without a default, a data format, the stride on the 3x3 and layers that the caller gives.
V1_5 = (
    KERAS
    + """

def bottleneck(x, planes, stride=1, downsample=None, data_format="channels_last"):
    axis = 3 if data_format == "channels_last" else 1
    y = layers.Conv2D(planes, 1)(x)
    y = layers.ReLU()(layers.BatchNormalization(axis)(y))
    y = layers.Conv2D(planes, 3, stride, padding="same")(y)
    y = layers.ReLU()(layers.BatchNormalization(axis)(y))
    y = layers.BatchNormalization(axis)(layers.Conv2D(4 * planes, 1)(y))
    if downsample is not None:
        x = downsample(x)
    return layers.ReLU()(layers.add([y, x]))


def residual_unit(x, n, enlarge, data_format):
    assert data_format == "channels_last"
    y = layers.Conv2D(n, 3, 2 if enlarge else 1, padding="same")(x)
    y = layers.ReLU()(layers.BatchNormalization()(y))
    y = layers.BatchNormalization()(layers.Conv2D(n, 3, padding="same")(y))
    if enlarge:
        x = layers.BatchNormalization()(layers.Conv2D(n, 1, 2)(x))
    return layers.ReLU()(layers.add([y, x]))
"""
)

# The order of v2, whose shortcut projects what it has activated.
V2_BLOCK = (
    KERAS
    + """

def residual_block(inputs, width, strides=(1, 1)):
    start = layers.ReLU()(layers.BatchNormalization()(inputs))
    if strides == (1, 1):
        side = inputs
    else:
        side = layers.Conv2D(width, 1, strides=strides)(start)
    y = layers.Conv2D(width, 3, strides=strides, padding="same")(start)
    y = layers.ReLU()(layers.BatchNormalization()(y))
    y = layers.Conv2D(width, 3, padding="same")(y)
    return layers.add([y, side])
"""
)

# The course's name, and not its arguments.
V2_IDENTITY = (
    KERAS
    + """

def identity_block(x, n):
    y = x
    for size, width in ((1, n), (3, n), (1, 4 * n)):
        y = layers.ReLU()(layers.BatchNormalization()(y))
        y = layers.Conv2D(width, size, padding="same")(y)
    return layers.add([x, y])


def convolutional_block(x, f, filters, s=2):
    y = x
    if s != 1:
        y = layers.ReLU()(layers.BatchNormalization()(x))
    y = layers.Conv2D(filters[0], f, s, padding="same")(y)
    y = layers.ReLU()(layers.BatchNormalization()(y))
    y = layers.Conv2D(filters[1], f, padding="same")(y)
    return layers.add([y, layers.Conv2D(filters[1], 1, s)(x)])
"""
)

# ResNet-D: the shortcut is pooled and then projected; and dropout between the convolutions, as in wide ResNets.
POOLED_SHORTCUT = (
    KERAS
    + """

def residual(x, width, s=1):
    y = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(width, 3, s, padding="same")(x)))
    y = layers.Dropout(0.3)(y)
    y = layers.BatchNormalization()(layers.Conv2D(width, 3, padding="same")(y))
    if s > 1:
        x = layers.AveragePooling2D(s, padding="same")(x)
    if x.shape[-1] != width:
        x = layers.BatchNormalization()(layers.Conv2D(width, 1)(x))
    return layers.ReLU()(layers.add([x, y]))
"""
)

# A layer with an initializer of TensorFlow and functions of TensorFlow in its `call`.
TF_LAYER = """
import tensorflow as tf


class Block(tf.keras.layers.Layer):
    @tf.function
    def call(self, inputs: tf.Tensor | None, training=False):
        y = tf.nn.relu(self.norms[0](self.convs[0](inputs), training=training))
        y = self.norms[1](self.convs[1](y), training=training)
        if self.changes:
            inputs = self.norms[2](self.convs[2](inputs), training=training)
        return tf.nn.relu(tf.add(y, inputs))

    def __init__(self, channels, strides=1, changes=False):
        super().__init__()
        self.changes = changes
        init = tf.random_normal_initializer()
        windows = ((3, strides), (3, 1), (1, strides))
        self.convs = [
            tf.keras.layers.Conv2D(channels, f, s, padding="same", kernel_initializer=init) for f, s in windows
        ]
        self.norms = [tf.keras.layers.BatchNormalization() for _ in windows]
"""

# Networks whose names do not say which they are: a CIFAR ResNet-8, and a ResNet-18 for small images.
SOME_NETWORKS = (
    ONE_COUNT
    + """

def build_resnet(x):
    x = ReLU()(BatchNormalization()(Conv2D(16, 3, padding="same")(x)))
    for i, width in enumerate([16, 32, 64]):
        x = residual_block(x, width, 1 if i == 0 else 2)
    return Dense(10, activation="softmax")(GlobalAveragePooling2D()(x))


def resnet_model(input_shape, num_classes):
    inputs = Input(input_shape)
    x = ReLU()(BatchNormalization()(Conv2D(64, 3, padding="same")(inputs)))
    for i, width in enumerate([64, 128, 256, 512]):
        x = residual_block(residual_block(x, width, 1 if i == 0 else 2), width)
    return Model(inputs, Dense(num_classes)(GlobalAveragePooling2D()(x)))
"""
)
_BOTH = "an identity block and a convolutional block"

# The file's text, what is checked and as what, and the notes.
RIGHT = {
    "unknown flag": (UNKNOWN_FLAG, {"block": _BOTH}, {"epsilon", "momentum", "other-activation"}),
    "v1.5, layers as an argument, a flag without a default": (
        V1_5,
        {"bottleneck": _BOTH, "residual_unit": _BOTH},
        {"stride-on-wrong-convolution"},
    ),
    "order of v2": (V2_BLOCK, {"residual_block": _BOTH}, {"pre-activation-order"}),
    "order of v2, without the course's arguments": (
        V2_IDENTITY,
        {"identity_block": "", "convolutional_block": ""},
        {"pre-activation-order"},
    ),
    "a pooled shortcut, and dropout": (
        POOLED_SHORTCUT,
        {"residual": _BOTH},
        {"pooled-shortcut", "extra-layer"},
    ),
    "functions of TensorFlow in a layer": (TF_LAYER, {"Block": _BOTH}, {"training-fixed"}),
    "networks by any name": (
        SOME_NETWORKS,
        {"residual_block": _BOTH, "build_resnet": "", "resnet_model": ""},
        {
            "norm-on-projection",
            "regularizer",
            "stem-kernel",
            "stem-stride",
            "pool-missing",
            "dense-activation",
        },
    ),
    "a stem for small images that pools": (
        SOME_NETWORKS.split("def build_resnet")[0]
        + "def resnet_model"
        + SOME_NETWORKS.split("def resnet_model")[1].replace(
            "    for i,", '    x = MaxPooling2D(2, 1, padding="same")(x)\n    for i,'
        ),
        {"residual_block": _BOTH, "resnet_model": ""},
        {"stem-kernel", "stem-stride", "pool-size", "stem-same", "dense-activation"},
    ),
    "no window": (NO_WINDOW, {"identity_block": "", "projection_block": "a convolutional block"}, set()),
    "no arguments": (
        NO_WINDOW_NETWORK,
        {"identity_block": "", "projection_block": "a convolutional block", "resnet50": ""},
        {"stem-same"},
    ),
    "two filters": (
        TWO_FILTERS,
        {"res_identity": "an identity block", "res_conv": "a convolutional block"},
        set(),
    ),
    "one count": (ONE_COUNT, {"residual_block": "an identity block and a convolutional block"}, set()),
    "ResNet-18": (
        RESNET18,
        {"residual_block": "an identity block and a convolutional block", "ResNet18": ""},
        set(),
    ),
    "classes": (
        CLASSES,
        {"ResidualBlock": "an identity block and a convolutional block", "ResNet34": ""},
        {"stem-same"},
    ),
    "flag": (FLAG, {"bottleneck_block": "an identity block and a convolutional block"}, set()),
    "Sequential, initializer as an object": (SEQUENTIAL, {"identity_block": ""}, set()),
    "window third": (WINDOW_THIRD, {"identity_block": ""}, set()),
    "training by default": (
        COURSE.replace("training=None", "training=True"),
        {"identity_block": "", "convolutional_block": "", "ResNet50": ""},
        {"training-default", "training-fixed"},
    ),
    "head for 224 pixels": (
        LARGE_HEAD,
        {"identity_block": "", "convolutional_block": "", "ResNet50": ""},
        set(),
    ),
    "a name that a branch alone needs": (
        ONE_COUNT.replace(
            "    shortcut = x\n",
            "    shortcut = x\n    if stride > 9:\n        x = Conv2D(9, 1, kernel_initializer=glorot_uniform(0))(x)\n",
        ),
        {"residual_block": _BOTH},
        {"not-imported"},
    ),
    "default window": (
        COURSE.replace("AveragePooling2D((2, 2))", "AveragePooling2D()"),
        {"identity_block": "", "convolutional_block": "", "ResNet50": ""},
        {"pooling-window"},
    ),
}


def _change(text: str, old: str, new: str) -> str:
    assert old in text, old
    return text.replace(old, new, 1)


# The file's text, the function and the only mistake that is named.
WRONG = {
    "no window, ReLU missing": (
        _change(NO_WINDOW, '    x = K.layers.Activation("relu")(x)\n', ""),
        "identity_block",
        {"relu-missing"},
    ),
    "two filters, norm missing on the shortcut": (
        _change(TWO_FILTERS, "    x_skip = BatchNormalization()(x_skip)\n", ""),
        "res_conv",
        {"norm-missing-shortcut"},
    ),
    "one count, ReLU before the sum": (
        _change(
            ONE_COUNT,
            "    x = Add()([shortcut, x])\n    return ReLU()(x)",
            "    x = ReLU()(x)\n    return Add()([shortcut, x])",
        ),
        "residual_block",
        {"relu-before-addition"},
    ),
    "a class without its stride": (
        _change(CLASSES, "filters, 3, strides=strides, padding", "filters, 3, padding"),
        "ResidualBlock",
        {"stride-missing-main"},
    ),
    "ResNet-18 with a block too many": (
        _change(
            RESNET18,
            "        x = residual_block(x, width)\n",
            "        x = residual_block(residual_block(x, width), width)\n",
        ),
        "ResNet18",
        {"block-count"},
    ),
    "head without softmax, 224 pixels": (
        _change(LARGE_HEAD, "Dense(classes, activation='softmax')", "Dense(classes)"),
        "ResNet50",
        {"dense-activation"},
    ),
    "a flag, and a shortcut without its stride": (
        _change(UNKNOWN_FLAG, "filters, 1, strides=stride", "filters, 1"),
        "block",
        {"stride-missing-shortcut"},
    ),
    "order of v2, a ReLU in each convolution": (
        V2_BLOCK.replace('padding="same")', 'padding="same", activation="relu")'),
        "residual_block",
        {"relu-on-last-component", "norm-after-relu"},
    ),
    "order of v2, norm missing": (
        _change(V2_BLOCK, "layers.ReLU()(layers.BatchNormalization()(y))", "layers.ReLU()(y)"),
        "residual_block",
        {"norm-missing"},
    ),
    "a layer that is made of the tensors": (
        _change(ONE_COUNT, "Add()([shortcut, x])", "Add([shortcut, x])"),
        "residual_block",
        {"raises"},
    ),
    "a network of one's own, the norm after the ReLU": (
        _change(SOME_NETWORKS, "[16, 32, 64]", "[16, 24, 32]").replace(
            "residual_block(x, width, 1 if i == 0 else 2)\n    return Dense(10",
            "_add_two(x, width)\n    return Dense(10",
        )
        + """

def _add_two(x, width):
    y = BatchNormalization()(Conv2D(width, 3, padding="same", activation="relu")(x))
    y = BatchNormalization()(Conv2D(width, 3, padding="same")(y))
    return ReLU()(Add()([Conv2D(width, 1)(x), y]))
""",
        "build_resnet",
        {"norm-after-relu"},
    ),
    "a definition that stops": (
        _change(COURSE, "initializer=random_uniform", "initializer=random_unifrom"),
        "identity_block",
        {"raises"},
    ),
}

_FACTORY = (
    KERAS
    + """

def residual_block(filters, strides=1):
    def apply(x):
        y = layers.Conv2D(filters, 3, strides, padding="same")(x)
        return layers.add([x, layers.BatchNormalization()(y)])
    return apply


class ResnetBuilder:
    @staticmethod
    def build(shape):
        return Model(layers.Input(shape), layers.Input(shape))
"""
)
_SEVERAL = (
    KERAS
    + """

def residual_block(x, filters, repeats):
    for i in range(repeats):
        y = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(filters, 3, padding="same")(x)))
        y = layers.BatchNormalization()(layers.Conv2D(filters, 3, padding="same")(y))
        x = layers.ReLU()(layers.add([x, y]))
    return x
"""
)
_OPTIONS = (
    KERAS
    + """

def residual_block(x, options):
    y = layers.Conv2D(options["filters"], 3, padding="same")(x)
    return layers.ReLU()(layers.add([x, y]))
"""
)


# The flag is for blocks that keep their size; those that do not need a function that has no stand-in.
_POOLED = (
    KERAS
    + """

def residual_block(x, filters, strides=1, projection=False):
    y = layers.Conv2D(filters, 3, strides, padding="same")(x)
    y = layers.ReLU()(layers.BatchNormalization()(y))
    y = layers.BatchNormalization()(layers.Conv2D(filters, 3, padding="same")(y))
    if projection:
        x = layers.BatchNormalization()(layers.Conv2D(filters, 1)(x))
    elif strides != 1:
        x = layers.BatchNormalization()(layers.Conv2D(filters, 1)(tf.nn.fractional_pool(x)))
    return layers.ReLU()(layers.add([x, y]))
"""
)


def _normalize_by(imports: str, norm: str) -> str:
    """A block of a file that imports its batch norm from elsewhere."""
    block = ONE_COUNT.replace("from keras.models import Model\n", imports + "\n")
    return block.replace("    x = BatchNormalization()(x)\n    x = ReLU", f"    x = {norm}(x)\n    x = ReLU")


# The file's text, what is not checked, and part of the reason.
UNCHECKED = {
    "a block that is made by a function": (_FACTORY, "residual_block", "it returns a function"),
    "a class that is no layer": (_FACTORY, "ResnetBuilder", "it is a class, and not a Keras layer"),
    "several blocks": (_SEVERAL, "residual_block", "it builds several blocks at once"),
    "an argument of unknown meaning": (_OPTIONS, "residual_block", "what to give for its argument 'options'"),
    "no stand-in in TensorFlow": (
        _normalize_by("import tensorflow as tf", "tf.contrib.layers.batch_norm"),
        "residual_block",
        "no stand-in for tf.contrib.layers.batch_norm",
    ),
    "no stand-in in a helper of Keras": (
        _normalize_by("from keras.utils import layer_utils", "layer_utils.normalize"),
        "residual_block",
        "no stand-in for layer_utils.normalize",
    ),
    "a table that needs what is not installed": (
        _normalize_by("from no_such_package import Norm\nNORMS = {'own': Norm}", "NORMS['own']()"),
        "residual_block",
        "it needs no_such_package, which is not here",
    ),
    "no stand-in behind a flag": (_POOLED, "residual_block", "no stand-in for tf.nn.fractional_pool"),
    "a package that is not installed": (
        _normalize_by("import no_such_package.layers as extra", "extra.Norm()"),
        "residual_block",
        "it needs no_such_package, which is not here: pip install no_such_package",
    ),
    "a star import that failed": (
        _normalize_by("from .our_layers import *", "Normalize()"),
        "residual_block",
        "it needs our_layers, which is not here",
    ),
    "a block that could not be imported": (
        "from our_blocks import identity_block\n" + ONE_COUNT,
        "identity_block",
        "it comes from our_blocks, which is not here",
    ),
    "a network of blocks without a shortcut": (
        RESNET18.replace(
            "residual_block(x, width, 1 if i == 0 else 2)", "conv_block(x, width, 1 if i == 0 else 2)"
        )
        + """

def conv_block(x, filters, stride):
    return ReLU()(BatchNormalization()(Conv2D(filters, 3, strides=stride, padding="same")(x)))
""",
        "ResNet18",
        "conv_block, which it calls, adds nothing to its input",
    ),
    "a global name that another function sets": (
        ONE_COUNT.replace("BatchNormalization()", "BatchNormalization(bn_axis)", 1)
        + """

def make_resnet(x):
    global bn_axis
    bn_axis = 3
    return residual_block(x, 64)
""",
        "residual_block",
        "it needs bn_axis, which make_resnet sets when it runs",
    ),
    "an earlier definition": (UNKNOWN_FLAG, "block of line 5", "line 9 defines block again"),
    "arguments of Keras 1": (
        ONE_COUNT.replace('padding="same"', 'border_mode="same"'),
        "residual_block",
        "Keras 3 does not take the argument border_mode",
    ),
    "a slash in a layer's name": (
        ONE_COUNT.replace("x = ReLU()(x)", 'x = ReLU(name="unit/relu")(x)'),
        "residual_block",
        "Keras 3 takes no slash in the name of a layer",
    ),
    "a network of one's own": (
        SOME_NETWORKS.replace("[16, 32, 64]", "[16, 24, 32]"),
        "build_resnet",
        "the blocks of resnet_v1 and other sizes",
    ),
}
