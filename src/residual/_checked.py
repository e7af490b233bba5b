"""Frozen values whose fields are checked when they are made, and plain errors for the tables that hold them.

msgspec checks types and ranges when it decodes, but not when a struct is constructed, and its messages are for
programmers.
"""

import difflib
import functools
from abc import ABCMeta
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin

import msgspec
from msgspec import Meta, ValidationError
from msgspec.structs import fields, force_setattr

from residual._text import describe_value
from residual.errors import RecipeError, ResidualError

Count = Annotated[int, Meta(ge=1)]
Whole = Annotated[int, Meta(ge=0)]

_NEAR = 0.7  # of 1, for a key that was meant
_UNLIMITED = Meta()
_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}


class AbstractMeta(msgspec.StructMeta, ABCMeta):
    """The metaclass of values with abstract methods: a class that lacks one of them makes no values."""


class Checked(msgspec.Struct, frozen=True):
    """Base of network specs, schedules, augmentations, recipes and options.

    The type of a field says what is allowed. Errors describe it in words, or with the type's own description:

        epochs: Annotated[int, Meta(ge=1)]  # "a whole number from 1"
        rate: Annotated[float, Meta(ge=0, lt=1e30, description="a number from 0")]

    A value is converted to the type of its field: a list to a tuple, NumPy's numbers and arrays to Python's, a whole
    number to a float. A field whose type names another class is not checked here.
    """

    error: ClassVar[type[ResidualError]] = RecipeError

    def __post_init__(self) -> None:
        for name, (kind, allowed) in _find_rules(type(self)).items():
            value = _remove_numpy(getattr(self, name))
            try:
                force_setattr(self, name, msgspec.convert(value, kind))
            except ValidationError:
                self.refuse(name, allowed, value)

    def describe_kind(self) -> str:
        """What errors call the value, such as "schedule one-cycle"; "" if the name of the field says enough."""
        return ""

    def refuse(self, name: str, allowed: str, value: Any) -> None:
        """Raise an error that names the field, what is allowed, and what was received."""
        kind = self.describe_kind()
        raise self.error(
            f"{kind}{': ' if kind else ''}{name} must be {allowed}; got {describe_value(value)}."
        )


def read_table(cls: type[Checked], table: Any, kind: str, example: str = "") -> Any:
    """The value that a TOML table holds.

    Args:
        cls: the class of the value; its fields are the keys of the table.
        table: as TOML or JSON reads it.
        kind: what errors call the value, such as "recipe".
        example: a table for the error message if `table` is not one.

    Raises:
        ResidualError: of the class `cls.error`: a key that is unknown or missing, or a value out of range.
    """
    _check_table(table, kind, example, cls.error)
    allowed = {field.name: field.required for field in fields(cls)}
    unknown = sorted(set(table) - set(allowed))
    if unknown:
        raise cls.error(f"{kind}: {_describe_unknown(unknown, list(allowed))}")
    missing = [name for name, required in allowed.items() if required and name not in table]
    if missing:
        raise cls.error(f"{kind}: lacks {', '.join(missing)}.")
    return cls(**table)


def _describe_unknown(unknown: list[str], allowed: list[str]) -> str:
    """Which keys are unknown, what each may have meant, or else all that are allowed."""
    near = [
        close[0] for key in unknown if (close := difflib.get_close_matches(key, allowed, n=1, cutoff=_NEAR))
    ]
    listed = f"allowed are {', '.join(allowed)}." if allowed else "it has no values."
    hint = f"did you mean {', '.join(near)}?" if len(near) == len(unknown) else listed
    return f"unknown key{'s' * (len(unknown) > 1)} {', '.join(map(str, unknown))}; {hint}"


def read_kind(kinds: tuple[type[Checked], ...], table: Any, kind: str, example: str) -> Any:
    """The value of a TOML table whose key `kind` says which of several classes it is of.

    Args:
        kinds: the classes, each with a tag.
        table: as TOML or JSON reads it.
        kind: what errors call all of them, such as "schedule".
        example: a table for the error message if `table` is not one.

    Raises:
        ResidualError: as for `read_table`, or if there is no such kind.
    """
    error = kinds[0].error
    _check_table(table, kind, example, error)
    by_tag = {cls.__struct_config__.tag: cls for cls in kinds}
    tag = table.get("kind")
    if not isinstance(tag, str) or tag not in by_tag:
        raise error(f"{kind}: kind must be one of {', '.join(map(str, by_tag))}; got {tag!r}.")
    values = {name: value for name, value in table.items() if name != "kind"}
    return read_table(by_tag[tag], values, f"{kind} {tag}")


def _check_table(table: Any, kind: str, example: str, error: type[ResidualError]) -> None:
    if not isinstance(table, dict):
        raise error(f"{kind}: must be a table{f' such as {example}' if example else ''}; got {table!r}.")


def describe_type(kind: Any, limits: Meta = _UNLIMITED) -> str:
    """What a field of a type may hold: "a whole number from 1", "one of a, b, c".

    The result is "" for a type that names any other class, such as a recipe. None is not mentioned: it is the default
    of the fields that allow it.
    """
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        described = [meta.description for meta in inner[1:] if meta.description]
        return described[-1] if described else describe_type(inner[0], inner[1])
    if origin is Literal:
        return " or ".join(inner) if len(inner) == 2 else f"one of {', '.join(inner)}"
    if origin in (Union, UnionType):
        words = [describe_type(part) for part in inner if part is not NoneType]
        return " or ".join(words) if all(words) else ""
    if origin is tuple:
        words = describe_type(inner[0])
        return words and f"a list, each entry {words}"
    words = _WORDS.get(kind, "")
    return words and words + _describe_limits(limits)


def _describe_limits(limits: Meta) -> str:
    """ " from 1", " from 0 to 1", " above 0 and at most 1", or "" if every value is allowed."""
    if limits.min_length:
        return " that is not empty"
    words = (("from", limits.ge), ("above", limits.gt), ("at most", limits.le), ("below", limits.lt))
    text = " and ".join(f"{word} {limit}" for word, limit in words if limit is not None)
    if limits.ge is not None:
        text = text.replace("and at most", "to").replace("and below", "to below")
    return text and f" {text}"


@functools.cache
def _find_rules(cls: type) -> dict[str, tuple[Any, str]]:
    """The fields that are checked: name -> type, and in words what is allowed."""
    rules = {field.name: (field.type, describe_type(field.type)) for field in fields(cls)}
    return {name: rule for name, rule in rules.items() if rule[1]}


def _remove_numpy(value: Any) -> Any:
    """`value` with Python's numbers and lists in place of NumPy's, also inside lists and tuples."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if type(value) in (list, tuple):
        return type(value)(map(_remove_numpy, value))
    return value
