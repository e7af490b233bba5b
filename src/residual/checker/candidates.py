"""What a learner's names stand for: blocks and networks of their own, and what the checker has no reference for."""

import functools
import inspect
import re
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

Role = Literal["identity", "convolutional", "residual", "network"]

_ROLES: dict[Role, str] = {
    "identity": r"(res)?(id|ident|identity)(res|residual|conv)?(block|unit)|res(id|identity)",
    "convolutional": r"(res)?(conv|convolution|convolutional|projection|downsample)(res|residual)?(block|unit)|"
    r"(res)(conv|projection)",
    "residual": r"(res|resn|residual|resnet|basic|basicres|basicresidual|bottleneck|bottleneckresidual|"
    r"resnetbottleneck|resnetbasic)(block|unit|module)|bottleneck|skipblock|residual",
}
_NETWORK = re.compile(r"(?:build|make|create|get|my|model)*res(?:idual)?net(18|34|50|101|152)(?:model)?")
_CIFAR = re.compile(r"(?:build|make|create|get)*resnetv([12])")
# Which network it is shows when it is built.
_SOME_NETWORK = re.compile(
    r"(?:build|make|create|get|my|model|custom|simple|small|tiny|lightweight)*"
    r"res(?:idual)?net(?:work)?\d*(?:cifar\d*)?(?:model)?"
)
_PREFIX = r"(?:build|make|create|add|my|normal|custom|simple)*"
_ENDINGS = re.compile(r"(tf2?|keras|2d|layer)$")
ANY_NETWORK = "ResNet"
# With these names a function without an addition is a block whose addition is missing, not another helper.
_COURSE = ("identity_block", "convolutional_block", "ResNet50", "resnet_v1", "resnet_v2")
_NO_LAYER = "it is a class, and not a Keras layer"
_CALLS = {"Conv2D", "Convolution2D"}
_ADDS = {"Add", "add", "merge"}
_LAYERS = {"Conv2D", "Convolution2D", "Dense", "Model"}
_HINT = re.compile(r"res_?net|residual|res\w*(?:block|unit)", re.IGNORECASE)


@dataclass(frozen=True)
class Candidate:
    """A function or class of the learner's that there is a reference for.

    Attributes:
        name: the learner's.
        function: called with the block's input and its arguments, or with a network's arguments.
        role: "residual" is a block that may be either of the two.
        network: of a network, "ResNet18" to "ResNet152", "resnet_v1", "resnet_v2", or `ANY_NETWORK`.
        by_course_name: the function has the course's own name.
        original: the learner's function or class.
    """

    name: str
    function: Callable
    role: Role
    network: str = ""
    by_course_name: bool = True
    original: Callable | None = None

    @property
    def is_block(self) -> bool:
        return self.role != "network"


def classify_name(name: str) -> tuple[Role, str] | None:
    """(role, network) that a name stands for; None if it stands for none."""
    bare = name.lower().replace("_", "")
    bare = _ENDINGS.sub("", bare) if bare not in ("resnetlayer", "residuallayer") else bare
    if found := _NETWORK.fullmatch(bare):
        return "network", f"ResNet{found[1]}"
    if found := _CIFAR.fullmatch(bare):
        return "network", f"resnet_v{found[1]}"
    if bare == "block":
        return "residual", ""
    for role, pattern in _ROLES.items():
        if re.fullmatch(f"{_PREFIX}(?:{pattern})", re.sub(r"\d", "", bare)):
            return role, ""
    return ("network", ANY_NETWORK) if _SOME_NETWORK.fullmatch(bare) else None


def may_be_candidate(name: str, codes: Iterable[types.CodeType]) -> bool:
    """Whether a `def` or `class` is worth a look: by its name, or because it adds what it convolves."""
    if classify_name(name):
        return True
    names = _list_names(codes)
    return bool(names & _CALLS and names & _ADDS) or bool(_HINT.search(name) and names & _LAYERS)


def _list_names(codes: Iterable[types.CodeType]) -> set[str]:
    names: set[str] = set()
    for code in codes:
        inner = [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
        names |= {*code.co_names, *_list_names(inner)}
    return names


def list_codes(value) -> list[types.CodeType]:
    """The code of a function, or of the methods of a class."""
    value = unwrap(value)
    functions = [unwrap(one) for one in vars(value).values()] if inspect.isclass(value) else [value]
    return [function.__code__ for function in functions if inspect.isfunction(function)]


class Names(NamedTuple):
    """The names of a namespace that may be blocks or networks.

    Attributes:
        candidates: what can be checked, blocks first.
        unknown: name -> reason of what the namespace defines itself and the checker cannot place.
        imported: name -> reason of what comes from elsewhere.
    """

    candidates: list[Candidate]
    unknown: dict[str, str]
    imported: dict[str, str]


def find_names(namespace: Mapping) -> Names:
    """What a namespace has that can be checked, and why the rest cannot: only what it defines itself counts."""
    names = Names([], {}, {})
    for name, value in list(namespace.items()):
        if not callable(value) or name.startswith("__"):
            continue
        known = classify_name(name)
        if not is_own(value, namespace):
            if known and (inspect.isfunction(value) or inspect.isclass(value)):
                names.imported[name] = f"it comes from {find_home(value)}, and is not defined here"
        elif known:
            candidate = make_candidate(name, value, *known)
            if candidate:
                names.candidates.append(candidate)
            else:
                names.unknown[name] = _NO_LAYER
        elif may_be_candidate(name, list_codes(value)):
            is_other = inspect.isclass(value) and not _is_layer(value)
            hint = f"its name does not say what it is; try check(identity_block={name})"
            names.unknown[name] = _NO_LAYER if is_other else hint
    used = _list_names(code for one in names.candidates for code in list_codes(one.original))
    for name in used & set(names.unknown):
        del names.unknown[name]  # a helper is checked with the block that calls it
    order = {"identity": 0, "convolutional": 1, "residual": 2, "network": 3}
    names.candidates.sort(key=lambda one: (order[one.role], one.network.startswith("resnet_"), one.network))
    return names


def is_own(value, namespace: Mapping) -> bool:
    """Whether a function or class was defined in this namespace."""
    value = unwrap(value)
    if inspect.isclass(value):
        return value.__module__ == namespace.get("__name__")
    return getattr(value, "__globals__", None) is namespace


def unwrap(value):
    """The function behind decorators and `functools.partial`."""
    while isinstance(value, functools.partial):
        value = value.func
    return inspect.unwrap(value.__func__ if isinstance(value, staticmethod | classmethod) else value)


def find_home(value) -> str:
    """The package that a function or class comes from."""
    home = getattr(unwrap(value), "__module__", None) or "another module"
    return "residual" if home.split(".")[0] == "residual" else home.split(".src.")[0]


def _is_layer(value: type) -> bool:
    import keras

    return issubclass(value, keras.layers.Layer)


def make_candidate(name: str, value, role: Role, network: str = "") -> Candidate | None:
    """The candidate that a function or class makes; None for another kind of class."""
    if inspect.isclass(value):
        if not _is_layer(value):
            return None
        function = value if role == "network" else _make_function(value)
        return Candidate(name, function, role, network, False, value)
    return Candidate(name, value, role, network, name in _COURSE, value)


def _make_function(layer: type) -> Callable:
    """A function that makes the layer and calls it, with the signature of the layer's `__init__`."""

    def block(X, **arguments):
        return layer(**arguments)(X)

    own = [one for one in inspect.signature(layer.__init__).parameters.values() if one.name != "self"]
    first = inspect.Parameter("X", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    block.__signature__ = inspect.Signature([first.replace(), *own])
    block.__name__ = layer.__name__
    block.__wrapped__ = layer.call  # the code whose lines are named
    return block
