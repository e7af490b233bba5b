"""Writes old model files with the `tf_keras` package (Keras 2), and what the networks in them predict.

Run as a program, `python old_networks.py FOLDER`: Keras 2 and Keras 3 do not share a process well. Each
network is one `NAME.h5` beside `NAME.npz` with images x and predictions y.
"""

import sys
from pathlib import Path

import numpy as np
import tf_keras as keras
from tf_keras import layers


def main(folder: Path) -> None:
    for make in (course_d, course_c, applications, cifar, small_networks, refused):
        keras.backend.clear_session()
        make(folder)


def save(model, path: Path, *, weights_too: bool = False, whole: bool = True) -> None:
    """The model with random weights, and what it predicts for two images, one of them dark."""
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(drawn(rng, weight.name, weight.shape, weight.numpy()))
    if whole:
        model.save(path)
    if weights_too:
        model.save_weights(path.with_name(f"{path.stem}_weights.h5"))
    x = rng.random((2, *model.input_shape[1:]), dtype=np.float32)
    x[1] *= 0.1
    np.savez(path.with_suffix(".npz"), x=x, y=np.asarray(model(x, training=False)))


def drawn(rng, name: str, shape, value):
    """Random numbers in place of the zeros and ones that hide a mix-up; kernels stay as drawn."""
    if "kernel" in name:
        return value
    low, high = (0.5, 1.5) if "gamma" in name or "variance" in name else (-0.2, 0.2)
    return rng.uniform(low, high, shape)


# The course's ResNet-50.


def course_resnet(stem_relu: bool, named: bool):
    def name(text):
        return text if named else None

    def block(x, f, filters, stage, letter, stride=None):
        conv, norm = f"res{stage}{letter}_branch", f"bn{stage}{letter}_branch"
        skipped = x
        for i, (n, kernel) in enumerate(zip(filters, (1, f, 1), strict=True)):
            part = "2" + "abc"[i]
            strides = stride or 1 if i == 0 else 1
            x = layers.Conv2D(n, kernel, strides=strides, padding="same", name=name(conv + part))(x)
            x = layers.BatchNormalization(axis=3, name=name(norm + part))(x)
            x = layers.Activation("relu")(x) if i < 2 else x
        if stride:
            skipped = layers.Conv2D(filters[2], 1, strides=stride, padding="same", name=name(conv + "1"))(
                skipped
            )
            skipped = layers.BatchNormalization(axis=3, name=name(norm + "1"))(skipped)
        return layers.Activation("relu")(layers.Add()([x, skipped]))

    inputs = layers.Input((64, 64, 3))
    x = layers.ZeroPadding2D((3, 3))(inputs)
    initializer = keras.initializers.glorot_uniform(seed=0)
    x = layers.Conv2D(64, 7, strides=2, name=name("conv1"), kernel_initializer=initializer)(x)
    x = layers.BatchNormalization(axis=3, name=name("bn_conv1"))(x)
    x = layers.Activation("relu")(x) if stem_relu else x
    x = layers.MaxPool2D(3, strides=2)(x)
    for stage, (count, width) in enumerate(zip((3, 4, 6, 3), (64, 128, 256, 512), strict=True), 2):
        filters = [width, width, 4 * width]
        x = block(x, 3, filters, stage, "a", stride=1 if stage == 2 else 2)
        for letter in "bcdef"[: count - 1]:
            x = block(x, 3, filters, stage, letter)
    x = layers.Flatten()(layers.AveragePooling2D((2, 2))(x))
    return keras.Model(inputs, layers.Dense(6, activation="softmax", name=name("fc6"))(x), name="resnet50")


def course_d(folder: Path) -> None:
    save(course_resnet(stem_relu=False, named=True), folder / "course_d.h5", weights_too=True)


def course_c(folder: Path) -> None:
    # A notebook that made a network before this one: the numbers go on from there.
    for _ in range(53):
        layers.Conv2D(1, 1), layers.BatchNormalization()
    save(course_resnet(stem_relu=True, named=False), folder / "course_c.h5", weights_too=True, whole=False)


def applications(folder: Path) -> None:
    shape = {"weights": None, "input_shape": (64, 64, 3), "classes": 5}
    save(keras.applications.ResNet50(**shape), folder / "keras_v1.h5")
    save(keras.applications.ResNet50V2(**shape), folder / "keras_v2.h5", weights_too=True, whole=False)


# The CIFAR networks of the Keras example.


def cifar_layer(x, filters=16, kernel=3, strides=1, activation="relu", norm=True, conv_first=True):
    conv = layers.Conv2D(
        filters,
        kernel,
        strides=strides,
        padding="same",
        kernel_initializer="he_normal",
        kernel_regularizer=keras.regularizers.l2(1e-4),
    )
    x = conv(x) if conv_first else x
    x = layers.BatchNormalization()(x) if norm else x
    x = layers.Activation(activation)(x) if activation else x
    return x if conv_first else conv(x)


def cifar_v1(depth: int):
    inputs = layers.Input((32, 32, 3))
    x = cifar_layer(inputs)
    for stack in range(3):
        for block in range((depth - 2) // 6):
            strides = 2 if stack and not block else 1
            y = cifar_layer(x, 16 * 2**stack, strides=strides)
            y = cifar_layer(y, 16 * 2**stack, activation=None)
            if stack and not block:
                x = cifar_layer(x, 16 * 2**stack, 1, strides, activation=None, norm=False)
            x = layers.Activation("relu")(layers.Add()([x, y]))
    x = layers.Flatten()(layers.AveragePooling2D(8)(x))
    return keras.Model(inputs, layers.Dense(10, activation="softmax", kernel_initializer="he_normal")(x))


def cifar_v2(depth: int):
    inputs = layers.Input((32, 32, 3))
    x = cifar_layer(inputs)
    width = 16
    for stage in range(3):
        out = width * (2 if stage else 4)
        for block in range((depth - 2) // 9):
            strides, first = (2 if stage and not block else 1), not stage and not block
            y = cifar_layer(x, width, 1, strides, None if first else "relu", not first, conv_first=False)
            y = cifar_layer(y, width, conv_first=False)
            y = cifar_layer(y, out, 1, conv_first=False)
            if not block:
                x = cifar_layer(x, out, 1, strides, activation=None, norm=False)
            x = layers.Add()([x, y])
        width = out
    x = layers.Activation("relu")(layers.BatchNormalization()(x))
    x = layers.Flatten()(layers.AveragePooling2D(8)(x))
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


def cifar(folder: Path) -> None:
    model = cifar_v1(8)
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    rng = np.random.default_rng(1)
    model.fit(rng.random((4, 32, 32, 3)), np.eye(10)[:4], verbose=0)
    save(model, folder / "cifar_v1.h5", weights_too=True)
    save(cifar_v2(11), folder / "cifar_v2.h5", weights_too=True)


# Networks of nobody's table.


def small(training=None, operator=False, prefix="own_"):
    """A residual block with unusual arguments, under names of its own."""
    inputs = layers.Input((16, 16, 3))
    variance = keras.initializers.VarianceScaling(2.0, "fan_in", "untruncated_normal")
    x = layers.Conv2D(
        8, (3, 2), padding="same", use_bias=False, kernel_initializer=variance, name=prefix + "stem"
    )(inputs)
    x = layers.BatchNormalization(axis=-1, epsilon=1e-2, scale=False, name=prefix + "norm")(
        x, training=training
    )
    x = layers.LeakyReLU(alpha=0.1)(x)
    y = layers.Conv2D(
        8,
        3,
        padding="same",
        dilation_rate=2,
        kernel_constraint=keras.constraints.MaxNorm(2),
        name=prefix + "conv",
    )(x)
    x = keras.activations.relu(x + y) if operator else layers.ReLU(max_value=6.0)(layers.Add()([x, y]))
    x = layers.Concatenate()([layers.MaxPooling2D(2)(x), layers.AveragePooling2D(2, padding="same")(x)])
    x = layers.Dropout(0.5)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, layers.Dense(4, activation="softmax", name=prefix + "head")(x))


def small_networks(folder: Path) -> None:
    save(small(), folder / "own.h5", weights_too=True)
    save(small(operator=True), folder / "operator.h5")
    baked = small(training=True)
    save(baked, folder / "baked.h5")
    plain = small()
    plain.load_weights(folder / "baked.h5")
    x = np.load(folder / "baked.npz")["x"]
    np.savez(folder / "baked.npz", x=x, y=np.asarray(plain(x, training=False)))
    body = small(prefix="body_")
    body = keras.Model(body.input, body.layers[-2].output, name="body")
    save(keras.Sequential([body, layers.Dense(3, activation="softmax")]), folder / "nested.h5")


class Mine(layers.Layer):
    """A layer whose code is not in the file."""

    def call(self, x):
        return 2 * x


def refused(folder: Path) -> None:
    inputs = layers.Input((8, 8, 3))
    x = layers.GlobalAveragePooling2D()(layers.Lambda(lambda x: 2 * x, name="doubled")(inputs))
    save(keras.Model(inputs, layers.Dense(2)(x)), folder / "code.h5")
    x = layers.GlobalAveragePooling2D()(Mine(name="mine")(inputs))
    save(keras.Model(inputs, layers.Dense(2)(x)), folder / "custom.h5")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
