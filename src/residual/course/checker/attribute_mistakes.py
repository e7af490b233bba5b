"""The catalogue's mistakes in what a layer is given: convolutions, batch norms, `training`, initializers."""

from residual.course.checker.mistake import Mistake

CONVOLUTIONS: dict[str, Mistake] = {
    "padding": Mistake(
        "padding='valid' (or none given) on the f x f convolution",
        "the {place} is padded otherwise than it should be.",
        "give it {expected}: then height and width stay as they are.",
    ),
    "stride-missing-main": Mistake(
        "strides=(1,1) on the first convolution of a convolutional block",
        "no convolution of the main path takes the stride s.",
        "give the 1st convolution strides=(s, s).",
    ),
    "stride-missing-shortcut": Mistake(
        "strides left out of the shortcut's convolution",
        "the convolution on the shortcut does not take the stride s.",
        "give it strides=(s, s), as the 1st convolution of the main path has.",
    ),
    "stride-on-every-convolution": Mistake(
        "strides=(s, s) on all three convolutions",
        "several convolutions of the main path take the stride, so the size shrinks several times.",
        "only the 1st has strides=(s, s); the others have (1, 1).",
    ),
    "stride-on-wrong-convolution": Mistake(
        "strides=(s, s) on the second or third convolution",
        "the stride is on the {place}.",
        "move strides=(s, s) to the 1st convolution of the main path (the 3x3 strides in ResNet v1.5 only).",
    ),
    "wrong-stride": Mistake(
        "another number than s (or 1)",
        "the {place} has another stride.",
        "give it {expected}.",
    ),
    "kernel-on-wrong-convolution": Mistake(
        "kernel_size=(f, f) on the first or third convolution",
        "the f x f window is on the {place}.",
        "the 2nd convolution is f x f, the 1st and the 3rd are 1x1.",
    ),
    "wrong-kernel": Mistake(
        "3x3 where 1x1 is meant, f on all three",
        "the {place} has another window.",
        "give it {expected}.",
    ),
    "wrong-kernel-shortcut": Mistake(
        "kernel_size=f on the shortcut",
        "the convolution on the shortcut is not 1x1.",
        "give it kernel_size=(1, 1).",
    ),
    "filters-permuted": Mistake(
        "F1, F3, F2 = filters",
        "the filter counts stand in another order.",
        "unpack F1, F2, F3 = filters and give the 1st convolution F1, the 2nd F2, the 3rd F3.",
    ),
    "wrong-filters": Mistake(
        "F1 where F2 is meant",
        "the {place} has another number of filters.",
        "give it {expected}.",
    ),
    "wrong-filters-shortcut": Mistake(
        "Conv2D(F1, 1) on the shortcut",
        "the convolution on the shortcut has another number of filters than the 3rd convolution.",
        "give it the last of filters, so that the two can be added.",
    ),
    "hard-coded": Mistake(
        "a number where the argument is meant: kernel_size=3 for f",
        "the {place} stays {got}, whatever the arguments say.",
        "use the function's argument in place of the number.",
    ),
    "no-bias": Mistake(
        "use_bias=False",
        "the {place} has no bias. Harmless before a batch norm; the course's parameter counts include it.",
        "leave use_bias out to get the course's counts.",
        "note",
    ),
    "unusual-convolution": Mistake(
        "dilation_rate or groups",
        "the {place} is dilated or grouped.",
        "leave dilation_rate and groups out.",
    ),
    "regularizer": Mistake(
        "no kernel_regularizer where the notebook has L2",
        "the kernels have another weight decay than the notebook's, L2 of 1e-4.",
        "kernel_regularizer=keras.regularizers.L2(1e-4) repeats the notebook's training.",
        "note",
    ),
}

NORMS: dict[str, Mistake] = {
    "epsilon": Mistake(
        "BatchNormalization(epsilon=...)",
        "the {place} has another epsilon.",
        "leave epsilon out (Keras: 1e-3), or take the course's 1e-6.",
    ),
    "axis": Mistake(
        "BatchNormalization(axis=1)",
        "the {place} normalizes another axis than the channels.",
        "use axis=3 (or -1, the default): images are (n, height, width, channels).",
    ),
    "momentum": Mistake(
        "BatchNormalization(momentum=...)",
        "the {place} has another momentum, so its moving statistics move at another pace.",
        "leave momentum out (Keras: 0.99), or take the course's 0.9.",
    ),
    "other-normalization": Mistake(
        "LayerNormalization, GroupNormalization, ...",
        "the {place} is a {got}.",
        "use BatchNormalization(axis=3).",
    ),
    "no-scale-or-shift": Mistake(
        "BatchNormalization(scale=False) or center=False",
        "the {place} has no learned scale or shift.",
        "leave `scale` and `center` out.",
    ),
    "training-not-passed": Mistake(
        "BatchNormalization()(X) in a function that takes `training`",
        "`training` does not reach the {place}.",
        "call it with the flag: BatchNormalization(axis=3)(X, training=training).",
    ),
    "training-baked-in": Mistake(
        "BatchNormalization()(X, training=True)",
        "the {place} always runs with training={got}.",
        "training=True uses the batch's statistics even when you predict. Pass the function's own "
        "`training` on, or leave it out.",
    ),
    "training-inverted": Mistake(
        "training=not training",
        "the {place} gets the opposite of `training`.",
        "pass training=training.",
    ),
    "training-default": Mistake(
        "def identity_block(..., training=True)",
        "`training` is True unless the caller says otherwise: predictions then use the batch's statistics.",
        "let the default be None: Keras then trains in fit and not in predict.",
        "note",
    ),
    "initializer-ignored": Mistake(
        "kernel_initializer left out, or fixed",
        "the {place} does not use the function's `initializer`.",
        "give it kernel_initializer=initializer(seed=0).",
    ),
    "initializer-seed": Mistake(
        "initializer() or initializer(seed=1)",
        "the {place} asks for its initializer with another seed than 0.",
        "give it kernel_initializer=initializer(seed=0), so that your numbers are the course's.",
    ),
    "frozen": Mistake(
        "layer.trainable = False",
        "the {place} is frozen: it will not learn.",
        "leave `trainable` out.",
    ),
}
