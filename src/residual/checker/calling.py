"""Calling a learner's function on symbolic tensors: what it asks for, what it did, where it stopped."""

import contextlib
import inspect
import io
import sys
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras

ALIASES: dict[str, tuple[str, ...]] = {
    "f": ("f", "kernel_size", "kernel", "window", "k"),
    "filters": ("filters", "n_f", "num_filters", "nf", "n_filters", "channels"),
    "s": ("s", "stride", "strides"),
    "training": ("training", "is_training", "train"),
    "initializer": ("initializer", "init", "kernel_initializer"),
    "stage": ("stage",),
    "block": ("block", "block_name"),
    "input_shape": ("input_shape", "shape"),
    "classes": ("classes", "n_classes", "num_classes"),
    "depth": ("depth",),
}


class SignatureError(Exception):
    """The function asks for something that no notebook's function asks for, or does not take what it needs."""


@dataclass(frozen=True)
class Signature:
    """Which of a function's parameters stands for which of the course's.

    Attributes:
        names: the course's name -> the function's, e.g. {"filters": "n_f"}.
        defaults: the function's own defaults, by the course's name.
        first: the name of the first parameter (X).
    """

    names: dict[str, str]
    defaults: dict[str, Any]
    first: str

    @classmethod
    def of(cls, function: Callable, order: tuple[str, ...] = ()) -> "Signature":
        """Read a function's parameters; those with strange names count by position, in `order`.

        Raises:
            SignatureError: for a required parameter that stands for nothing known.
        """
        names, defaults = {}, {}
        positional = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
        parameters = [p for p in inspect.signature(function).parameters.values() if p.kind in positional]
        unplaced = list(order)
        for i, parameter in enumerate(parameters):
            role = next((role for role, known in ALIASES.items() if parameter.name in known), None)
            if role is None and i < len(order) and order[i] in unplaced:
                role = order[i]
            if role is None or role in names:
                if parameter.default is inspect.Parameter.empty:
                    raise SignatureError(
                        f"there is no telling what to give for its argument {parameter.name!r}"
                    )
                continue
            names[role] = parameter.name
            if role in unplaced:
                unplaced.remove(role)
            if parameter.default is not inspect.Parameter.empty:
                defaults[role] = parameter.default
        return cls(names, defaults, parameters[0].name if parameters else "")

    def require(self, roles: tuple[str, ...]) -> None:
        """Refuse a function that does not take these.

        Raises:
            SignatureError: naming those that are missing.
        """
        missing = [role for role in roles if role not in self]
        if missing:
            raise SignatureError(f"it does not take {' and '.join(missing)}")

    def arguments(self, **values) -> dict[str, Any]:
        """Those of `values` that the function takes, under its own names."""
        return {self.names[role]: value for role, value in values.items() if role in self.names}

    def __contains__(self, role: str) -> bool:
        return role in self.names


@dataclass
class Call:
    """One layer or operation that was called: on what, and in which line of the learner's function."""

    operation: Any
    args: tuple
    kwargs: dict
    line: int | None

    @property
    def tensors(self) -> list:
        return [t for t in keras.tree.flatten((self.args, self.kwargs)) if isinstance(t, keras.KerasTensor)]


@dataclass
class Outcome:
    """What came of a call of a learner's function.

    Attributes:
        result: what it returned.
        error: the exception that stopped it, or None.
        failed: the layer call that raised it, if it was one.
        lines: id of a layer or operation -> line of the learner's function that called it.
        printed: what it printed.
    """

    result: Any = None
    error: BaseException | None = None
    failed: Call | None = None
    lines: dict[int, int | None] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    printed: str = ""

    def error_line(self, filename: str) -> tuple[int | None, str]:
        """(line, text) of the last frame in the learner's file; (None, "") if there is none."""
        frames = traceback.extract_tb(self.error.__traceback__) if self.error else []
        inside = [frame for frame in frames if frame.filename == filename]
        return (inside[-1].lineno, inside[-1].line or "") if inside else (None, "")


def call(function: Callable, *args, **kwargs) -> Outcome:
    """Call `function`, recording each layer that it calls. Exceptions and prints end up in the Outcome."""
    outcome, printed = Outcome(), io.StringIO()
    with contextlib.redirect_stdout(printed), warnings.catch_warnings(), _record_calls(function, outcome):
        warnings.simplefilter("ignore")
        try:
            outcome.result = function(*args, **kwargs)
        except (Exception, SystemExit) as error:
            outcome.error = error
    if outcome.error is None:
        outcome.failed = None
    outcome.printed = printed.getvalue()
    return outcome


@contextlib.contextmanager
def _record_calls(function: Callable, outcome: Outcome):
    """Note every call of a layer (`Layer.__call__`) and of an operation (`x + y`, `keras.ops`).

    Both are needed: a layer checks its inputs' shapes before it becomes an operation, and it is the
    call that fails there - an addition of two shapes - that tells most about a wrong block.
    """
    code = getattr(inspect.unwrap(function), "__code__", None)

    def wrap(original):
        def recorded(self, *args, **kwargs):
            this = Call(self, args, kwargs, _find_line(code))
            outcome.lines.setdefault(id(self), this.line)
            outcome.calls.append(this)  # keeps the operation alive, so that its id stays its own
            try:
                return original(self, *args, **kwargs)
            except Exception:  # noted and raised on
                outcome.failed = this
                raise

        return recorded

    layer_call, symbolic_call = keras.layers.Layer.__call__, keras.Operation.symbolic_call
    keras.layers.Layer.__call__ = wrap(layer_call)
    keras.Operation.symbolic_call = wrap(symbolic_call)
    try:
        yield
    finally:
        keras.layers.Layer.__call__ = layer_call
        keras.Operation.symbolic_call = symbolic_call


def _find_line(code) -> int | None:
    frame = sys._getframe(2)
    while frame is not None:
        if frame.f_code is code:
            return frame.f_lineno
        frame = frame.f_back
    return None
