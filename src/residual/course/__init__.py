"""The names that the ResNet notebooks use: put `from residual.course import *` where their imports stand.

    blocks and networks   identity_block, convolutional_block, ResNet50, BatchNormalization (the course's);
                          resnet_layer, resnet_v1, resnet_v2, lr_schedule (CIFAR-10)
    data                  load_dataset, convert_to_one_hot, cifar10, ImageDataGenerator, to_categorical
    checks                identity_block_test, convolutional_block_test, summary, comparator, and
                          public_tests, the module of these four; check, which names the mistake in a block
                          or network of yours, and print_report, which prints what it found
    seeded kernels        tf1_glorot_uniform, tf1_random_uniform, tf2_glorot_uniform, tf2_random_uniform,
                          tf2_set_seed: the numbers of old TensorFlow on every backend
    from Keras            the layers, initializers, optimizer, callbacks and functions that the cells name
    np, keras, tf         tf on the TensorFlow backend only

Two things have no counterpart in Keras 3: `set_learning_phase` (say training=True or False in the call
instead) and the sessions of TensorFlow 1 (call blocks on arrays). Keras 3 draws other seeded kernels than
its forerunners: where a notebook prints such numbers, pass a `tf1_` or `tf2_` initializer, and call
`tf2_set_seed` beside `tf.random.set_seed`.

Each name is loaded when it is first used, so that the checker, which lives here too, starts without Keras.
"""

import importlib

_HOMES = {
    "keras.callbacks": ("LearningRateScheduler", "ModelCheckpoint", "ReduceLROnPlateau"),
    "keras.initializers": ("Constant", "constant", "glorot_uniform", "random_uniform"),
    "keras.layers": (
        "Activation",
        "Add",
        "AveragePooling2D",
        "Conv2D",
        "Dense",
        "Flatten",
        "GlobalAveragePooling2D",
        "GlobalMaxPooling2D",
        "Input",
        "MaxPool2D",
        "MaxPooling2D",
        "ZeroPadding2D",
    ),
    "keras.models": ("Model", "load_model"),
    "keras.optimizers": ("Adam",),
    "keras.regularizers": ("l2",),
    "keras.utils": ("plot_model", "to_categorical"),
    "residual.checker": ("check", "print_report"),
    "residual.course.data": ("ImageDataGenerator", "convert_to_one_hot", "load_dataset"),
    "residual.course.initializers": (
        "tf1_glorot_uniform",
        "tf1_random_uniform",
        "tf2_glorot_uniform",
        "tf2_random_uniform",
        "tf2_set_seed",
    ),
    "residual.course.networks": (
        "BatchNormalization",
        "ResNet50",
        "convolutional_block",
        "identity_block",
        "lr_schedule",
        "resnet_layer",
        "resnet_v1",
        "resnet_v2",
    ),
    "residual.course.testing": ("comparator", "convolutional_block_test", "identity_block_test", "summary"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}
_MODULES = {
    "cifar10": "residual.course.cifar10",
    "keras": "keras",
    "layers": "keras.layers",
    "np": "numpy",
    "public_tests": "residual.course.testing",
}

__all__ = sorted([*_HOME, *_MODULES, "tf"])


def __getattr__(name: str):
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    if name in _MODULES:
        return importlib.import_module(_MODULES[name])
    if name == "tf":
        from residual.course.tensorflow import tensorflow_or_explanation

        return tensorflow_or_explanation()
    raise AttributeError(f"module 'residual.course' has no attribute {name!r}")
