"""An error in one line, and what to do about those that notebooks are known for."""

import re

_CODES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def strip_codes(text: str) -> str:
    """A text without its escape codes, by which Keras and learners make it bold."""
    return _CODES.sub("", text)


def describe_error(error: BaseException) -> str:
    """The error's type and the first lines of its message, on one line of at most 300 characters."""
    # Of a syntax error, without the file and line: those are shown beside it.
    text = " ".join(strip_codes(str(error.msg if isinstance(error, SyntaxError) else error)).split())
    if len(text) > 300:
        text = text[:297] + "..."
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


# A layer of merging that is made from the tensors, as in Add([X, X_shortcut]).
LAYER_NOT_CALLED = "Merge.__init__() takes 1 positional argument"
_ADVICE = (
    (
        "has no attribute 'Session'",
        "sessions are gone: use `from residual.course.tf1 import *`, which has them.",
    ),
    (
        "cannot be used as input to a TensorFlow",
        "use a Keras layer, or keras.ops in place of tf.*, inside the block.",
    ),
    (
        "name 'Scale' is not defined",
        "Scale belongs to models converted from Caffe. BatchNormalization scales and shifts by itself: leave it out.",
    ),
    (LAYER_NOT_CALLED, "make the layer, then call it: X = Add()([X, X_shortcut])."),
    ("missing 1 required positional argument: 'pool_size'", "Keras 3 asks for the window: pool_size=(2, 2)."),
    ("Only input tensors may be passed as positional", "write the flag with its name: training=training."),
    ("unexpected keyword argument", "the name in the call and the name in the `def` must be the same."),
    (
        "incompatible shapes",
        "two tensors of different shapes are added: compare strides, padding and filters.",
    ),
    ("is not defined", "import or define that name above this line."),
    ("No module named", "import what is installed, or delete the line."),
)


def find_advice(error: BaseException) -> str:
    """What to do about an error; special advice for those that notebooks are known for."""
    text = str(error)
    found = next((hint for sign, hint in _ADVICE if sign in text), None)
    return found or "mend the line that stopped it, and check again."


_STAND_IN = re.compile(r"<module '((?:tensorflow|keras)[^']*)'")
_OLD_ARGUMENT = re.compile(
    r"unexpected keyword argument '(\w+)'|(?:arguments passed to \w+|not recognized): \{'(\w+)'"
)
# What older Keras took: names of Keras 1, and some of Keras 2.
_OLD_ARGUMENTS = {
    *("border_mode", "subsample", "nb_filter", "nb_row", "nb_col", "W_regularizer", "b_regularizer", "init"),
    *("dim_ordering", "l", "fused", "renorm", "input_dim", "lr", "decay"),
}


def explain_unavailable(error: BaseException) -> str:
    """What an error needs that is not here, if it is no mistake of the learner's; else ""."""
    text = str(error)
    found = _STAND_IN.search(text)
    name = getattr(error, "stand_in", "") or (found[1] if found else "")
    if name:
        return f"this check has no stand-in for {name.replace('tensorflow', 'tf', 1)}"
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.split(".")[0]
        return f"it needs {package}, which is not here: pip install {package}, or put {package}.py beside the file"
    if isinstance(error, ImportError):
        return describe_error(error)
    if "URL fetch failure" in text:
        return "it downloads weights, and this check loads nothing from the network"
    if isinstance(error, FileNotFoundError) or "File not found" in text:
        return f"it reads a file that is not here ({describe_error(error)})"
    if "cannot contain character" in text:
        return "it is written for older Keras: Keras 3 takes no slash in the name of a layer"
    old = next((name for found in _OLD_ARGUMENT.finditer(text) for name in found.groups() if name), "")
    if old in _OLD_ARGUMENTS:
        return f"it is written for older Keras: Keras 3 does not take the argument {old}"
    return ""
