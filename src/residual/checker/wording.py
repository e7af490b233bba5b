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
