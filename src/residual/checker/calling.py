"""Calling a learner's function on symbolic tensors: what it asks for, what it did, where it stopped."""

import contextlib
import inspect
import itertools
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import keras

from residual.checker.printed import KeptEnd

ALIASES: dict[str, tuple[str, ...]] = {
    "f": ("f", "kernel_size", "kernel", "window", "k", "filter_size", "ksize", "kernel_shape"),
    "filters": (
        "filters", "n_f", "num_filters", "nf", "n_filters", "channels", "nb_filters", "nb_filter", "filter",
        "filter_num", "filters_num", "out_channels", "num_channels", "n_channels", "planes", "output_filters",
        "filter_list", "filter_sizes", "num_filter", "no_filters", "out_channel", "num_channel", "filter_nr",
        "n_filter", "filter_count"),
    "s": ("s", "stride", "strides"),
    "project": (
        "downsample", "projection", "project", "conv_shortcut", "use_projection", "use_1x1conv",
        "use_1x1_conv", "is_projection", "projection_shortcut", "use_conv", "down_sample"),
    "training": ("training", "is_training", "train"),
    "initializer": ("initializer", "init", "kernel_initializer", "kernel_init"),
    "stage": ("stage",),
    "block": ("block", "block_name"),
    "name": ("name", "base_name", "prefix", "scope"),
    "input_shape": ("input_shape", "shape", "input_size", "img_shape", "image_shape", "inp_shape"),
    "classes": ("classes", "n_classes", "num_classes", "nb_classes", "num_class", "class_num", "n_class"),
    "depth": ("depth",),
}  # fmt: skip
# Arguments that have one value in every block here; it is given if they have no default.
_FIXED = {
    **dict.fromkeys(("data_format", "image_data_format"), "channels_last"),
    **dict.fromkeys(("activation", "act", "activation_fn"), "relu"),
    **dict.fromkeys(("bn_axis", "axis", "channel_axis"), 3),
    **dict.fromkeys(("weight_decay", "l2_reg", "l2_weight"), 1e-4),
    **dict.fromkeys(("regularizer", "reg", "kernel_regularizer", "dtype", "dilation"), None),
    **dict.fromkeys(("padding",), "same"),
    **dict.fromkeys(("trainable", "use_bias", "bias"), True),
}
_OF_NETWORKS = ("input_shape", "classes", "depth", "training")
# The whole network is built, and nothing is downloaded, whatever the defaults are.
_NETWORK_ARGUMENTS = {"weights": None, "pretrained": False, "include_top": True}
_ROLE_OF = {name: role for role, names in ALIASES.items() for name in names}
INPUTS = (
    "x", "inputs", "input_tensor", "input", "tensor", "a_prev", "inp", "input_layer", "data", "img_input",
    "layer_in", "input_x", "x_in", "x_input", "net", "tensor_in", "input_data", "inputlayer", "prev_layer")  # fmt: skip


class SignatureError(Exception):
    """The function asks for something that no notebook's function asks for, or does not take what it needs."""


@dataclass(frozen=True)
class Signature:
    """Which of a function's parameters stands for which of the course's.

    Attributes:
        names: the course's name -> the function's, e.g. {"filters": "n_f"}.
        defaults: the function's own defaults, by the course's name.
        unknown: required parameters whose names say nothing, in their order, without the block's input.
        first: the name of the input; "" for a network that makes its own.
        switches: parameters that are True or False by default, and their defaults.
        fixed: what is given for required parameters that have one right value.
        guessed: parameters whose role was chosen because it was left over.
    """

    names: dict[str, str]
    defaults: dict[str, Any]
    unknown: tuple[str, ...] = ()
    first: str = ""
    switches: dict[str, bool] = field(default_factory=dict)
    fixed: dict[str, Any] = field(default_factory=dict)
    guessed: tuple[str, ...] = ()

    @classmethod
    def of(cls, function: Callable, is_block: bool) -> "Signature":
        """Read a function's parameters by their names."""
        names, defaults, unknown, first, switches, fixed = {}, {}, [], "", {}, {}
        kinds = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
        parameters = [p for p in inspect.signature(function).parameters.values() if p.kind in kinds]
        empty = inspect.Parameter.empty
        inputs = [p for p in parameters if p.name.lower() in INPUTS and (is_block or p.default is empty)]
        if parameters and (inputs or is_block):
            first = (inputs or parameters)[0].name
        for parameter in parameters:
            plain = parameter.name if len(parameter.name) == 1 else parameter.name.lower()  # F is not f
            role = _ROLE_OF.get(plain)
            is_free = parameter.default is not empty
            if parameter.name == first:
                continue
            if isinstance(parameter.default, bool) and role != "training":
                switches[parameter.name] = parameter.default
            if plain in _NETWORK_ARGUMENTS and not is_block:
                fixed[parameter.name] = _NETWORK_ARGUMENTS[plain]
            elif role is None or role in names or not (is_block or is_free or role in _OF_NETWORKS):
                if plain in _FIXED and not is_free:
                    fixed[parameter.name] = _FIXED[plain]
                elif not is_free:
                    unknown.append(parameter.name)
            else:
                names[role] = parameter.name
                if is_free:
                    defaults[role] = parameter.default
        return cls(names, defaults, tuple(unknown), first, switches, fixed)

    def assign(self, roles: tuple[str, ...]) -> Iterator["Signature"]:
        """This signature with its unknown parameters standing for `roles`, each way that is possible.

        Raises:
            SignatureError: there are more unknown parameters than roles that nobody has.
        """
        free = [role for role in roles if role not in self.names]
        if len(self.unknown) > len(free):
            unknown = self.unknown[-1] if len(self.unknown) == len(free) + 1 else self.unknown[len(free)]
            raise SignatureError(f"it is not clear what to give for its argument {unknown!r}")
        for chosen in itertools.permutations(free, len(self.unknown)):
            own = dict(zip(chosen, self.unknown, strict=True))
            yield replace(self, names={**self.names, **own}, unknown=(), guessed=self.unknown)

    def arguments(self, **values) -> dict[str, Any]:
        """Those of `values` that the function takes, under its own names and in the form of their defaults."""
        found = dict(self.fixed)
        for role, value in values.items():
            if role in self.names:
                is_pair = role in ("f", "s") and isinstance(self.defaults.get(role), tuple | list)
                found[self.names[role]] = (value, value) if is_pair else value
        return found

    def __contains__(self, role: str) -> bool:
        return role in self.names


@dataclass
class Call:
    """One layer or operation that was called: on what, and in which line of the learner's function."""

    operation: Any
    args: tuple
    kwargs: dict
    line: int | None
    output: Any = None

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
    outcome, printed = Outcome(), KeptEnd()
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
    A layer that is made of layers is opened: its own layers become part of the graph.
    """
    code = getattr(inspect.unwrap(function), "__code__", None)
    filename = find_filename(function)

    def wrap(original):
        def recorded(self, *args, **kwargs):
            if is_composite(self) and _holds_symbol((args, kwargs)):
                return _open(self, args, kwargs)
            this = Call(self, args, kwargs, _find_line(code, filename))
            outcome.lines.setdefault(id(self), this.line)
            outcome.calls.append(this)  # keeps the operation alive, so that its id stays its own
            try:
                this.output = original(self, *args, **kwargs)
            except Exception:  # noted and raised on
                outcome.failed = this
                raise
            return this.output

        return recorded

    layer_call, symbolic_call = keras.layers.Layer.__call__, keras.Operation.symbolic_call
    keras.layers.Layer.__call__ = wrap(layer_call)
    keras.Operation.symbolic_call = wrap(symbolic_call)
    try:
        yield
    finally:
        keras.layers.Layer.__call__ = layer_call
        keras.Operation.symbolic_call = symbolic_call


def makes_function(function: Callable) -> bool:
    """Whether a function takes no tensor and defines one that does, which it returns."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    inner = [one for one in code.co_consts if inspect.iscode(one)] if code else []
    takers = [one for one in inner if one.co_argcount and one.co_varnames[0].lower() in INPUTS]
    names = {name.lower() for name in inspect.signature(function).parameters}
    return bool(takers) and not names & set(INPUTS)


def is_composite(layer) -> bool:
    """Whether a layer is made of other layers: Sequential, a model, a learner's own block."""
    if not isinstance(layer, keras.layers.Layer):
        return False
    if isinstance(layer, keras.Model):
        return True
    own = not type(layer).__module__.startswith("keras.")
    return own and type(layer).__mro__[1] is keras.layers.Layer and bool(list(layer._flatten_layers(False)))


def _holds_symbol(arguments) -> bool:
    return any(isinstance(value, keras.KerasTensor) for value in keras.tree.flatten(arguments))


_open_layers: list = []  # those whose `call` is at work, the innermost last


def is_inside_layer() -> bool:
    """Whether a learner's own layer is at work: its `call` sees arrays when Keras runs it."""
    return bool(_open_layers)


def _open(layer, args: tuple, kwargs: dict):
    """Call what a layer does, so that its own layers become part of the graph and not the layer."""
    if isinstance(layer, keras.Sequential) and not layer.layers:
        return args[0]  # an empty one is Keras 2's way to write the identity
    own = [one for one in type(layer).__mro__ if not one.__module__.startswith("keras.")]
    if not layer.built and any("build" in vars(one) for one in own):
        layer.build(tuple(args[0].shape))
    parameters = inspect.signature(layer.call).parameters
    if "training" in parameters and len(args) < 2:
        kwargs.setdefault("training", parameters["training"].default)
        if kwargs["training"] is inspect.Parameter.empty:
            kwargs["training"] = None
    _open_layers.append(layer)
    try:
        return layer.call(*args, **kwargs)
    finally:
        _open_layers.pop()


def find_filename(function: Callable) -> str:
    """The file of a function or class."""
    target = inspect.unwrap(function)
    for value in (target, getattr(target, "call", None), getattr(target, "__init__", None)):
        code = getattr(value, "__code__", None)
        if code is not None:
            return code.co_filename
    return ""


def _find_line(code, filename: str) -> int | None:
    """The line of the learner's function at work, else the innermost line of its file."""
    frame, inner = sys._getframe(2), None
    while frame is not None:
        if frame.f_code is code:
            return frame.f_lineno
        if inner is None and frame.f_code.co_filename == filename:
            inner = frame.f_lineno
        frame = frame.f_back
    return inner
