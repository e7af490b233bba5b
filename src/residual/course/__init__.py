"""The names that the ResNet notebooks use: put `from residual.course import *` where their imports stand.

    blocks and networks   identity_block, convolutional_block, ResNet50, BatchNormalization (the course's);
                          resnet_layer, resnet_v1, resnet_v2, lr_schedule (CIFAR-10)
    data                  load_dataset, convert_to_one_hot, cifar10, ImageDataGenerator, to_categorical
    checks                identity_block_test, convolutional_block_test, summary, comparator, and
                          public_tests, the module of these four
    seeded kernels        tf1_glorot_uniform, tf1_random_uniform, tf2_glorot_uniform, tf2_random_uniform,
                          tf2_set_seed: the numbers of old TensorFlow on every backend
    from Keras            the layers, initializers, optimizer, callbacks and functions that the cells name
    np, keras, tf         tf on the TensorFlow backend only

Two things have no counterpart in Keras 3: `set_learning_phase` (say training=True or False in the call
instead) and the sessions of TensorFlow 1 (call blocks on arrays). Keras 3 draws other seeded kernels than
its forerunners: where a notebook prints such numbers, pass a `tf1_` or `tf2_` initializer, and call
`tf2_set_seed` beside `tf.random.set_seed`.
"""

import keras
import numpy as np
from keras import layers
from keras.callbacks import LearningRateScheduler, ModelCheckpoint, ReduceLROnPlateau
from keras.initializers import Constant, constant, glorot_uniform, random_uniform
from keras.layers import (
    Activation,
    Add,
    AveragePooling2D,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    Input,
    MaxPool2D,
    MaxPooling2D,
    ZeroPadding2D,
)
from keras.models import Model, load_model
from keras.optimizers import Adam
from keras.regularizers import l2
from keras.utils import plot_model, to_categorical

from residual.course import cifar10
from residual.course import testing as public_tests
from residual.course.data import ImageDataGenerator, convert_to_one_hot, load_dataset
from residual.course.initializers import (
    tf1_glorot_uniform,
    tf1_random_uniform,
    tf2_glorot_uniform,
    tf2_random_uniform,
    tf2_set_seed,
)
from residual.course.networks import (
    BatchNormalization,
    ResNet50,
    convolutional_block,
    identity_block,
    lr_schedule,
    resnet_layer,
    resnet_v1,
    resnet_v2,
)
from residual.course.tensorflow import tensorflow_or_explanation
from residual.course.testing import comparator, convolutional_block_test, identity_block_test, summary

tf = tensorflow_or_explanation()

__all__ = [
    "Activation",
    "Adam",
    "Add",
    "AveragePooling2D",
    "BatchNormalization",
    "Constant",
    "Conv2D",
    "Dense",
    "Flatten",
    "GlobalAveragePooling2D",
    "GlobalMaxPooling2D",
    "ImageDataGenerator",
    "Input",
    "LearningRateScheduler",
    "MaxPool2D",
    "MaxPooling2D",
    "Model",
    "ModelCheckpoint",
    "ReduceLROnPlateau",
    "ResNet50",
    "ZeroPadding2D",
    "cifar10",
    "comparator",
    "constant",
    "convert_to_one_hot",
    "convolutional_block",
    "convolutional_block_test",
    "glorot_uniform",
    "identity_block",
    "identity_block_test",
    "keras",
    "l2",
    "layers",
    "load_dataset",
    "load_model",
    "lr_schedule",
    "np",
    "plot_model",
    "public_tests",
    "random_uniform",
    "resnet_layer",
    "resnet_v1",
    "resnet_v2",
    "summary",
    "tf",
    "tf1_glorot_uniform",
    "tf1_random_uniform",
    "tf2_glorot_uniform",
    "tf2_random_uniform",
    "tf2_set_seed",
    "to_categorical",
]
