"""Check the fields of a msgspec struct, and say in words what is allowed and what was received.

msgspec checks types and ranges when it decodes, but not when a struct is constructed, and its messages are for
programmers. A struct that calls `check_fields` in `__post_init__` is valid however it was made.
"""

import functools
from collections.abc import Iterable
from typing import Any, Literal, get_args, get_origin

import msgspec
from msgspec import inspect, structs

from residual.errors import ResidualError


def check_fields(value: msgspec.Struct, error: type[ResidualError], owner: str) -> None:
    """Convert every field of `value` to its declared type, such as a list to a tuple.

    Args:
        value: a struct, frozen or not.
        error: the class of the error that a wrong field raises.
        owner: whose field it is; the message begins with it.

    Raises:
        ResidualError: of the class `error`: a field of another type or out of its range.
    """
    for name, kind in _list_fields(type(value)):
        received = getattr(value, name)
        try:
            converted = msgspec.convert(received, kind)
        except msgspec.ValidationError:
            raise error(f"{owner}: {name} must be {describe_type(kind)}; got {received!r}.") from None
        structs.force_setattr(value, name, converted)


@functools.cache
def _list_fields(kind: type) -> tuple[tuple[str, Any], ...]:
    return tuple((field.name, field.type) for field in structs.fields(kind))


def describe_type(kind: Any) -> str:
    """What a field of this type may hold: "one of a, b", "a whole number of at least 1"."""
    if get_origin(kind) is Literal:  # in its own order; msgspec sorts the values
        return _describe_choice(get_args(kind))
    return _describe(inspect.type_info(kind))


def _describe(info: Any) -> str:
    match info:
        case inspect.LiteralType(values=values):
            return _describe_choice(values)
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return f"a whole number{_describe_range(info)}"
        case inspect.FloatType():
            return f"a number{_describe_range(info)}"
        case inspect.StrType(min_length=1):
            return "a text that is not empty"
        case inspect.StrType():
            return "a text"
        case inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item):
            return f"a list, each entry {_describe(item)}"
        case inspect.UnionType(types=types):
            return " or ".join(_describe(inner) for inner in types)
        case inspect.NoneType():
            return "none"
    return f"a {type(info).__name__.removesuffix('Type').lower()}"


def _describe_choice(values: Iterable[Any]) -> str:
    return f"one of {', '.join(map(str, values))}"


def _describe_range(info: Any) -> str:
    """ " of at least 1", " from 0 to 1", " above 0 and at most 1", or "" if every number is allowed."""
    if info.ge is not None and info.le is not None:
        return f" from {info.ge:g} to {info.le:g}"
    low = (
        f"of at least {info.ge:g}"
        if info.ge is not None
        else f"above {info.gt:g}"
        if info.gt is not None
        else ""
    )
    high = (
        f"at most {info.le:g}" if info.le is not None else f"below {info.lt:g}" if info.lt is not None else ""
    )
    text = " and ".join(filter(None, (low, high)))
    return f" {text}" if text else ""
