"""The names that the ResNet notebooks use: put `from residual.course import *` where their imports stand.

    blocks and networks   identity_block, convolutional_block, ResNet50;
                          resnet_layer, resnet_v1, resnet_v2, lr_schedule (CIFAR-10)
    data                  load_dataset, convert_to_one_hot, cifar10, ImageDataGenerator, to_categorical,
                          image and preprocess_input (a photo of your own)
    checks                identity_block_test, convolutional_block_test, summary, comparator, and
                          public_tests, the module of these four; check, which names the mistake in a block
                          or network of yours, and print_report, which prints what it found
    seeded kernels        tf1_glorot_uniform, tf1_random_uniform, tf2_glorot_uniform, tf2_random_uniform,
                          tf2_set_seed: the numbers of old TensorFlow on every backend
    from Keras            the layers, initializers, optimizer, callbacks and functions that the cells name
    for cells             np, os, json, keras, plt, imshow, SVG, layer_utils, EagerTensor, K (old keras.backend),
                          tf (seeds, tf.keras and functions that keras.ops has; on TensorFlow also the rest)

A notebook of an older time has a module of its own: `residual.course.tf1` (sessions, placeholders) and
`residual.course.tf2` (before Keras 3); their initializers draw what the notebook printed. The course's helper module
of 2022, with its own batch norm, is `residual.course.resnets_utils`.

Each name is loaded when it is first used, so that the checker, which lives here too, starts without Keras.
"""

from residual.course._names import make_loader

__all__, __getattr__ = make_loader(__name__)
