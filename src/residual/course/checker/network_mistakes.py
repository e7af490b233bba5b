"""The catalogue's mistakes of whole networks, and of files that do not run."""

from residual.course.checker.mistake import Mistake

NETWORKS: dict[str, Mistake] = {
    "stem-padding": Mistake(
        "no ZeroPadding2D((3, 3)), or padding='same' in its place",
        "the input is not zero-padded by 3 on each side before the first convolution.",
        "start with X = ZeroPadding2D((3, 3))(X_input), and leave the 7x7 convolution unpadded.",
    ),
    "stem-kernel": Mistake(
        "3x3 in place of 7x7", "the first convolution has another window.", "give it {expected}."
    ),
    "stem-stride": Mistake(
        "7x7 without its stride", "the first convolution has another stride.", "give it {expected}."
    ),
    "stem-filters": Mistake(
        "32 in place of 64", "the first convolution has another number of filters.", "give it {expected}."
    ),
    "stem-norm-missing": Mistake(
        "conv, ReLU, pool",
        "there is no batch norm after the first convolution.",
        "put BatchNormalization(axis=3) there.",
    ),
    "stem-relu-missing": Mistake(
        "conv, batch norm, and no ReLU",
        "there is no ReLU after the first convolution and its batch norm.",
        "put Activation('relu') there.",
    ),
    "stem-relu-left-out": Mistake(
        "conv, batch norm, pool",
        "there is no ReLU after the first batch norm. The course's text leaves it out, the paper has it.",
        "to follow the paper put Activation('relu') between the batch norm and the pooling.",
        "note",
    ),
    "stem-order": Mistake(
        "batch norm before the 7x7, ReLU before the batch norm",
        "the layers of the stem stand in another order.",
        "the stem runs {expected}.",
    ),
    "pool-missing": Mistake(
        "no MaxPooling2D",
        "there is no max pooling after the first convolution.",
        "add MaxPooling2D((3, 3), strides=(2, 2)).",
    ),
    "pool-kind": Mistake(
        "AveragePooling2D in the stem",
        "the pooling in the stem is not max pooling.",
        "use MaxPooling2D((3, 3), strides=(2, 2)).",
    ),
    "pool-size": Mistake(
        "MaxPooling2D((2, 2))",
        "the pooling in the stem has another window, stride or padding.",
        "use {expected}.",
    ),
    "block-count": Mistake(
        "an identity block forgotten",
        "{place} has {got}, not {expected}.",
        "call the identity block once more or once less there.",
    ),
    "stage-count": Mistake(
        "a stage forgotten",
        "the network has {got}, not {expected}.",
        "each stage starts with a convolutional block.",
    ),
    "depth-rule": Mistake(
        "n = depth // 6",
        "the number of blocks does not follow the depth: {place} has {got}, not {expected}.",
        "v1: n = (depth - 2) // 6 blocks in each of three stages; v2: n = (depth - 2) // 9.",
    ),
    "depth-unchecked": Mistake(
        "any depth is taken",
        "a depth that fits no network ({got}) is taken without an error.",
        "raise ValueError unless depth is 6n + 2 (v1) or 9n + 2 (v2).",
        "note",
    ),
    "stage-filters": Mistake(
        "[64, 64, 256] again in stage 3", "{place} has other filters.", "give it filters {expected}."
    ),
    "stage-stride": Mistake("s=2 in stage 2", "{place} has another stride.", "give it s={expected}."),
    "head-pool-missing": Mistake(
        "no pooling before Dense",
        "there is no average pooling before the dense layer.",
        "add AveragePooling2D((2, 2)), or GlobalAveragePooling2D().",
    ),
    "head-pool-kind": Mistake(
        "MaxPooling2D at the end", "the last pooling is not an average over the whole map.", "use {expected}."
    ),
    "flatten-missing": Mistake(
        "Dense on (1, 1, 2048)",
        "the maps are not flattened before the dense layer, so the output has rank 4.",
        "add Flatten() before Dense.",
    ),
    "dense-missing": Mistake(
        "the model ends at Flatten",
        "there is no dense layer at the end.",
        "end with Dense(classes, activation='softmax').",
    ),
    "dense-units": Mistake(
        "Dense(1000)",
        "the dense layer has another number of units.",
        "use the function's own `classes` in place of a number (here it was called for {expected}).",
    ),
    "dense-activation": Mistake(
        "Dense(classes), or sigmoid",
        "the dense layer does not end in a softmax.",
        "use Dense(classes, activation='softmax').",
    ),
    "final-norm-missing": Mistake(
        "v2 without its last batch norm",
        "there is no batch norm after the last addition.",
        "v2 ends its blocks with BatchNormalization, ReLU, and then the pooling.",
    ),
    "final-relu-missing": Mistake(
        "v2 without its last ReLU",
        "there is no ReLU after the last batch norm.",
        "v2 ends its blocks with BatchNormalization, ReLU, and then the pooling.",
    ),
}

RUNNING: dict[str, Mistake] = {
    "raises": Mistake("an exception", "it stops with an error: {got}", "{expected}"),
    "hangs": Mistake(
        "an endless loop",
        "it did not finish within {expected}.",
        "look for a loop that never ends; raise the limit if it is only slow.",
    ),
    "crashed": Mistake(
        "os._exit, a crash",
        "the process ended before the check was done ({got}).",
        "run the file on its own and see.",
    ),
    "wrong-type": Mistake(
        "no return",
        "it returns {got}, not {expected}.",
        "end with `return X` (a block) or `return model` (a network).",
    ),
    "signature": Mistake("other arguments", "it cannot be called: {got}.", "{expected}"),
    "disconnected": Mistake(
        "a new Input inside",
        "the output does not depend on the input.",
        "use the function's first argument, and make no Input of your own.",
    ),
    "nothing-to-check": Mistake(
        "none of the names is defined",
        "it defines none of {expected}.",
        "give your functions these names.",
    ),
    "numbers-differ": Mistake(
        "a right structure and other numbers",
        "its layers look right, but {got} differs from the reference.",
        "look at the layer where the numbers part.",
    ),
}
