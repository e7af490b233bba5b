"""The catalogue's mistakes in what stands where: the addition, the shortcut, the order of layers."""

from residual.course.checker.mistake import Mistake

ADDITION: dict[str, Mistake] = {
    "shortcut-not-added": Mistake(
        "no Add at all: a plain block",
        "the shortcut is never added, so this is a plain block, not a residual one.",
        "save the input first (X_shortcut = X) and end with X = Add()([X, X_shortcut]), then the ReLU.",
    ),
    "concatenated": Mistake(
        "Concatenate()([X, X_shortcut])",
        "the shortcut is concatenated, not added: the channels of both stand side by side.",
        "use Add()([X, X_shortcut]) in place of Concatenate.",
    ),
    "multiplied": Mistake(
        "Multiply()([X, X_shortcut])",
        "the shortcut is multiplied, not added.",
        "use Add()([X, X_shortcut]) in place of Multiply.",
    ),
    "other-merge": Mistake(
        "Average, Maximum, Subtract ... of X and X_shortcut",
        "the main path and the shortcut meet in {got}, and not in an addition.",
        "use Add()([X, X_shortcut]).",
    ),
    "added-to-itself": Mistake(
        "Add()([X, X])",
        "the main path is added to itself; the shortcut is not in the sum.",
        "save the input before the first convolution (X_shortcut = X) and add that: Add()([X, X_shortcut]).",
    ),
    "main-path-unused": Mistake(
        "Add()([X_shortcut, X_shortcut]), or the return of the wrong variable",
        "the output does not depend on the convolutions of the main path.",
        "add the result of the third component, Add()([X, X_shortcut]), and return what the last ReLU gives.",
    ),
    "extra-addition": Mistake(
        "two Adds, or Add of three tensors",
        "there is more than one addition in the block: {got}.",
        "add the shortcut once, after the last batch norm of the main path.",
    ),
    "shortcut-taken-late": Mistake(
        "X_shortcut = X below the first convolution",
        "the shortcut is taken {got}, and not from the block's input.",
        "move X_shortcut = X to the top, before the first layer of the main path.",
    ),
    "shortcut-not-projected": Mistake(
        "Add()([X, X_shortcut]) where X_shortcut is still the input",
        "the {place} has no convolution, so its shape is not the main path's.",
        "put a 1x1 convolution with the last filter count and the block's stride on the shortcut.",
    ),
    "conv-on-identity-shortcut": Mistake(
        "X_shortcut = Conv2D(F3, 1)(X_shortcut) in an identity block",
        "the {place} has a convolution; here it must be the input itself.",
        "remove the layers from the shortcut and add the saved input as it is.",
    ),
}

ORDER: dict[str, Mistake] = {
    "relu-before-addition": Mistake(
        "Activation('relu') and then Add",
        "the ReLU stands before the addition; it belongs after it.",
        "add first, X = Add()([X, X_shortcut]), and then X = Activation('relu')(X).",
    ),
    "relu-missing-after-addition": Mistake(
        "return Add()([X, X_shortcut])",
        "there is no ReLU after the addition.",
        "put X = Activation('relu')(X) after the Add, as the last layer.",
    ),
    "relu-on-last-component": Mistake(
        "conv, batch norm, ReLU also in the third component",
        "the last component of the main path has a ReLU of its own; it must reach the sum without one.",
        "remove the ReLU after the last batch norm: only the sum is activated.",
    ),
    "relu-on-shortcut": Mistake(
        "X_shortcut = Activation('relu')(X_shortcut)",
        "there is an activation on the shortcut ({got}).",
        "remove it: the shortcut is linear.",
    ),
    "relu-missing": Mistake(
        "conv, batch norm and straight on to the next conv",
        "the {place} is missing.",
        "put Activation('relu') there: each of these components is convolution, batch norm, ReLU.",
    ),
    "relu-after-addition": Mistake(
        "Activation after Add in a v2 network",
        "there is an activation after the addition; in v2 the sum is handed on as it is.",
        "remove it: v2 activates before each convolution and once at the very end.",
    ),
    "relu-twice": Mistake(
        "two ReLUs in a row",
        "the {place} is followed by a second ReLU, which changes nothing.",
        "one of the two can go.",
        "note",
    ),
    "other-activation": Mistake(
        "Activation('sigmoid'), tanh, LeakyReLU, ...",
        "the {place} is {got}.",
        "use Activation('relu').",
    ),
    "norm-missing": Mistake(
        "conv and then ReLU, without BatchNormalization",
        "the {place} is missing.",
        "put BatchNormalization(axis=3) right after that convolution.",
    ),
    "norm-missing-shortcut": Mistake(
        "X_shortcut = Conv2D(...)(X_shortcut) and nothing more",
        "the convolution on the shortcut has no batch norm after it.",
        "add X_shortcut = BatchNormalization(axis=3)(X_shortcut).",
    ),
    "norm-on-shortcut": Mistake(
        "batch norm on a shortcut that has none",
        "there is a batch norm on the {place}; the reference has none there.",
        "remove it (in resnet_layer: batch_normalization=False for the shortcut).",
    ),
    "norm-before-convolution": Mistake(
        "BatchNormalization, then Conv2D",
        "the {place} stands before its convolution.",
        "the order of a component is convolution, batch norm, ReLU.",
    ),
    "norm-after-relu": Mistake(
        "Conv2D, Activation, BatchNormalization (or Conv2D(activation='relu'))",
        "the {place} stands after the ReLU.",
        "the order is convolution, batch norm, ReLU; leave `activation` out of the Conv2D itself.",
    ),
    "norm-after-addition": Mistake(
        "Add, BatchNormalization, ReLU",
        "there is a batch norm after the addition.",
        "remove it: after the Add only the ReLU follows.",
    ),
    "pre-activation-order": Mistake(
        "batch norm, ReLU, conv (the order of v2)",
        "the components run batch norm, ReLU, convolution: the order of ResNet v2.",
        "in this block the order is convolution, batch norm, ReLU.",
    ),
    "post-activation-order": Mistake(
        "conv, batch norm, ReLU in a v2 network",
        "the components run convolution, batch norm, ReLU: the order of v1.",
        "in v2 the order is batch norm, ReLU, convolution (conv_first=False).",
    ),
    "convolution-count": Mistake(
        "a component forgotten or repeated",
        "the main path has {got}, not {expected}.",
        "write one component per entry of filters.",
    ),
    "extra-layer": Mistake(
        "Dropout, pooling, an unknown layer on the way",
        "there is a layer here that the reference does not have: {got}, at the {place}.",
        "remove it.",
    ),
}
