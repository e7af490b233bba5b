"""Source code as learners write it, with named lines that a test can change.

`source("identity_block", bn1=None)` is the right block without its first batch norm;
`source("identity_block", relu_out="X = Activation('tanh')(X)")` ends in another activation, and
`source("identity_block", after_bn3="X = Activation('relu')(X)")` has a line more.
"""

import linecache
import textwrap

PRELUDE = """
import numpy as np
import keras
from keras import layers, ops
from keras.layers import Input, Add, Dense, Activation, ZeroPadding2D, BatchNormalization, Flatten, Conv2D
from keras.layers import AveragePooling2D, MaxPooling2D, GlobalAveragePooling2D, Concatenate
from keras.layers import ReLU, LeakyReLU, LayerNormalization, Dropout, Lambda, Multiply, Average
from keras.initializers import random_uniform, glorot_uniform
from keras.models import Model
from keras.regularizers import L2
"""

_INIT = "kernel_initializer=initializer(seed=0)"

IDENTITY = {
    "def": "def identity_block(X, f, filters, training=None, initializer=random_uniform):",
    "unpack": "F1, F2, F3 = filters",
    "save": "X_shortcut = X",
    "conv1": f"X = Conv2D(filters=F1, kernel_size=1, strides=(1, 1), padding='valid', {_INIT})(X)",
    "bn1": "X = BatchNormalization(axis=3)(X, training=training)",
    "relu1": "X = Activation('relu')(X)",
    "conv2": f"X = Conv2D(filters=F2, kernel_size=f, strides=(1, 1), padding='same', {_INIT})(X)",
    "bn2": "X = BatchNormalization(axis=3)(X, training=training)",
    "relu2": "X = Activation('relu')(X)",
    "conv3": f"X = Conv2D(filters=F3, kernel_size=1, strides=(1, 1), padding='valid', {_INIT})(X)",
    "bn3": "X = BatchNormalization(axis=3)(X, training=training)",
    "add": "X = Add()([X, X_shortcut])",
    "relu_out": "X = Activation('relu')(X)",
    "return": "return X",
}

CONVOLUTIONAL = {
    **IDENTITY,
    "def": "def convolutional_block(X, f, filters, s=2, training=None, initializer=glorot_uniform):",
    "conv1": f"X = Conv2D(filters=F1, kernel_size=1, strides=(s, s), padding='valid', {_INIT})(X)",
    "convs": f"X_shortcut = Conv2D(filters=F3, kernel_size=1, strides=(s, s), {_INIT})(X_shortcut)",
    "bns": "X_shortcut = BatchNormalization(axis=3)(X_shortcut, training=training)",
}
for _name in ("add", "relu_out", "return"):
    CONVOLUTIONAL[_name] = CONVOLUTIONAL.pop(_name)

RESNET50 = {
    "def": "def ResNet50(input_shape=(64, 64, 3), classes=6):",
    "input": "X_input = Input(input_shape)",
    "pad": "X = ZeroPadding2D((3, 3))(X_input)",
    "conv": "X = Conv2D(64, (7, 7), strides=(2, 2))(X)",
    "bn": "X = BatchNormalization(axis=3)(X)",
    "relu": "X = Activation('relu')(X)",
    "pool": "X = MaxPooling2D((3, 3), strides=(2, 2))(X)",
    "2a": "X = convolutional_block(X, f=3, filters=[64, 64, 256], s=1)",
    "2bc": "for i in range(2): X = identity_block(X, 3, [64, 64, 256])",
    "3a": "X = convolutional_block(X, f=3, filters=[128, 128, 512], s=2)",
    "3bcd": "for i in range(3): X = identity_block(X, 3, [128, 128, 512])",
    "4a": "X = convolutional_block(X, f=3, filters=[256, 256, 1024], s=2)",
    "4bcdef": "for i in range(5): X = identity_block(X, 3, [256, 256, 1024])",
    "5a": "X = convolutional_block(X, f=3, filters=[512, 512, 2048], s=2)",
    "5bc": "for i in range(2): X = identity_block(X, 3, [512, 512, 2048])",
    "avg": "X = AveragePooling2D((2, 2))(X)",
    "flat": "X = Flatten()(X)",
    "dense": "X = Dense(classes, activation='softmax')(X)",
    "return": "return Model(inputs=X_input, outputs=X)",
}

LAYER = """
def resnet_layer(inputs, num_filters=16, kernel_size=3, strides=1, activation='relu',
                 batch_normalization=True, conv_first=True):
    conv = Conv2D(num_filters, kernel_size=kernel_size, strides=strides, padding='same',
                  kernel_initializer='he_normal', kernel_regularizer=L2(1e-4))
    x = conv(inputs) if conv_first else inputs
    if batch_normalization:
        x = BatchNormalization()(x)
    if activation is not None:
        x = Activation(activation)(x)
    return x if conv_first else conv(x)
"""

V1 = {
    "def": "def resnet_v1(input_shape, depth, num_classes=10):",
    "depth": "if (depth - 2) % 6: raise ValueError('depth must be 6n+2')",
    "n": "n = (depth - 2) // 6",
    "input": "inputs = Input(shape=input_shape); width = 16",
    "stem": "x = resnet_layer(inputs)",
    "stages": "for stage in range(3):",
    "blocks": "    for block in range(n):",
    "stride": "        strides = 2 if stage > 0 and block == 0 else 1",
    "y1": "        y = resnet_layer(x, width, strides=strides)",
    "y2": "        y = resnet_layer(y, width, activation=None)",
    "if": "        if stage > 0 and block == 0:",
    "project": "            x = resnet_layer(x, width, 1, strides, None, batch_normalization=False)",
    "add": "        x = Add()([x, y])",
    "relu": "        x = Activation('relu')(x)",
    "wider": "    width *= 2",
    "avg": "x = AveragePooling2D(pool_size=8)(x)",
    "flat": "y = Flatten()(x)",
    "dense": "outputs = Dense(num_classes, activation='softmax', kernel_initializer='he_normal')(y)",
    "return": "return Model(inputs=inputs, outputs=outputs)",
}

V2 = {
    **V1,
    "def": "def resnet_v2(input_shape, depth, num_classes=10):",
    "depth": "if (depth - 2) % 9: raise ValueError('depth must be 9n+2')",
    "n": "n = (depth - 2) // 9",
    "stage": "    out = width * 4 if stage == 0 else width * 2",
    "first": "        act, norm = (None, False) if stage == block == 0 else ('relu', True)",
    "y1": "        y = resnet_layer(x, width, 1, strides, act, norm, conv_first=False)",
    "y2": "        y = resnet_layer(y, width, conv_first=False)",
    "y3": "        y = resnet_layer(y, out, 1, conv_first=False)",
    "if": "        if block == 0:",
    "project": "            x = resnet_layer(x, out, 1, strides, None, batch_normalization=False)",
    "wider": "    width = out",
    "bn": "x = BatchNormalization()(x)",
    "relu_end": "x = Activation('relu')(x)",
}
_V2_ORDER = """
def depth n input stem stages stage blocks stride first y1 y2 y3 if project add wider bn relu_end
avg flat dense return
"""
V2 = {name: V2[name] for name in _V2_ORDER.split()}

RESIDUAL = {
    "def": "def residual_block(x, filters, stride=1):",
    "save": "y = x",
    "conv1": "x = Conv2D(filters, 3, strides=stride, padding='same')(x)",
    "norm1": "x = BatchNormalization()(x)",
    "relu1": "x = ReLU()(x)",
    "conv2": "x = Conv2D(filters, 3, padding='same')(x)",
    "norm2": "x = BatchNormalization()(x)",
    "if": "if stride > 1:",
    "conv_s": "    y = Conv2D(filters, 1, strides=stride)(y)",
    "norm_s": "    y = BatchNormalization()(y)",
    "return": "return ReLU()(x + y)",
}

FUNCTIONS = {
    "residual_block": RESIDUAL,
    "identity_block": IDENTITY,
    "convolutional_block": CONVOLUTIONAL,
    "ResNet50": RESNET50,
    "resnet_v1": V1,
    "resnet_v2": V2,
}


def source(function: str, **changes: str | None) -> str:
    """The code of one function; a change replaces a line, None removes it, `after_...` adds one."""
    lines = FUNCTIONS[function]
    names = {name.removeprefix("after_") for name in changes}
    assert names <= set(lines), names - set(lines)
    body = []
    for name, line in lines.items():
        body += [changes.get(name, line), changes.get(f"after_{name}")]
    head, *rest = [line for line in body if line is not None]
    return f"{head}\n" + textwrap.indent("\n".join(rest), "    ") + "\n"


def namespace(*codes: str) -> dict:
    """The names that some code defines, with the learners' usual imports."""
    names: dict = {"__name__": "learner"}
    text = PRELUDE + "\n".join(codes)
    linecache.cache["learner.py"] = (len(text), None, text.splitlines(keepends=True), "learner.py")
    exec(compile(text, "learner.py", "exec"), names)
    return names


def learner(function: str, before: str = "", **changes: str | None):
    """The function that `source` writes, with code `before` it."""
    codes = [LAYER] if function.startswith("resnet") else []
    if function == "ResNet50":
        codes = [source("identity_block"), source("convolutional_block")]
    return namespace(*codes, before, source(function, **changes))[function]
