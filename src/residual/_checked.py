"""Frozen values whose fields are checked when they are made, and plain errors for the tables that hold them."""

import functools
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal, get_args, get_origin

import msgspec
from msgspec import Meta, ValidationError
from msgspec.structs import fields, force_setattr

from residual.errors import RecipeError, ResidualError

Count = Annotated[int, Meta(ge=1, description="a whole number from 1")]
Whole = Annotated[int, Meta(ge=0, description="a whole number from 0")]


class Checked(msgspec.Struct, frozen=True):
    """Base of schedules, augmentations, recipes and options.

    The type of a field says what is allowed, and its description says it in words:

        epochs: Annotated[int, Meta(ge=1, description="a whole number from 1")]
    """

    error: ClassVar[type[ResidualError]] = RecipeError

    def __post_init__(self) -> None:
        for name, (kind, allowed) in _find_rules(type(self)).items():
            value = getattr(self, name)
            if hasattr(value, "dtype") and hasattr(value, "item"):  # a number of NumPy's
                value = value.item()
                force_setattr(self, name, value)
            try:
                msgspec.convert(value, kind)
            except ValidationError:
                self.refuse(name, allowed, value)

    def describe_kind(self) -> str:
        """What errors call the value, such as "schedule one-cycle"; "" if the name of the field says enough."""
        return ""

    def refuse(self, name: str, allowed: str, value: Any) -> None:
        """Raise an error that names the field, what is allowed, and what was received."""
        kind = self.describe_kind()
        raise self.error(f"{kind}{': ' if kind else ''}{name} must be {allowed}; got {value!r}.")


def read_table(cls: type, table: Any, kind: str, example: str = "") -> Any:
    """The value that a TOML table holds.

    Args:
        cls: a `Checked` class; its fields are the keys of the table.
        table: as TOML reads it.
        kind: what errors call the value, such as "recipe".
        example: of a table, for the error if it is none.

    Raises:
        RecipeError: for a key that is unknown or missing, or a value out of range.
    """
    if not isinstance(table, dict):
        raise RecipeError(
            f"{kind}: must be a table{f' such as {example}' if example else ''}; got {table!r}."
        )
    allowed = {field.name: field.required for field in fields(cls)}
    unknown = sorted(set(table) - set(allowed))
    if unknown:
        raise RecipeError(f"{kind}: has {', '.join(allowed) or 'no values'}, not {', '.join(unknown)}.")
    missing = [name for name, required in allowed.items() if required and name not in table]
    if missing:
        raise RecipeError(f"{kind}: lacks {', '.join(missing)}.")
    return cls(**table)


def read_kind(kinds: tuple[type, ...], table: Any, kind: str, example: str) -> Any:
    """The value of a TOML table whose key `kind` says which of several classes it is of.

    Args:
        kinds: `Checked` classes, each with a tag.
        table: as TOML reads it.
        kind: what errors call all of them, such as "schedule".
        example: of a table, for the error if it is none.

    Raises:
        RecipeError: as for `read_table`, or if there is no such kind.
    """
    if not isinstance(table, dict):
        raise RecipeError(f"{kind}: must be a table such as {example}; got {table!r}.")
    by_tag = {cls.__struct_config__.tag: cls for cls in kinds}
    tag = table.get("kind")
    if not isinstance(tag, str) or tag not in by_tag:
        raise RecipeError(f"{kind}: kind must be one of {', '.join(by_tag)}; got {tag!r}.")
    values = {name: value for name, value in table.items() if name != "kind"}
    return read_table(by_tag[tag], values, f"{kind} {tag}")


@functools.cache
def _find_rules(cls: type) -> dict[str, tuple[Any, str]]:
    """The fields that are checked: name -> type, and in words what is allowed."""
    rules = {field.name: (field.type, _describe_type(field.type)) for field in fields(cls)}
    return {name: rule for name, rule in rules.items() if rule[1]}


def _describe_type(kind: Any) -> str:
    """In words what a type allows: its description, the values of a Literal, or "text".

    A type that holds other classes is not checked: "".
    """
    if any(not _is_plain(part) for part in (kind, *get_args(kind))):
        return ""
    found = list(dict.fromkeys(_describe_parts(kind)))
    return " or ".join(found)


def _is_plain(kind: Any) -> bool:
    return not isinstance(kind, type) or kind in (str, int, float, bool, type(None))


def _describe_parts(kind: Any) -> Iterator[str]:
    if get_origin(kind) is Annotated:
        described = [meta.description for meta in get_args(kind)[1:] if isinstance(meta, Meta)]
        yield from (words for words in described if words)
    elif get_origin(kind) is Literal:
        words = get_args(kind)
        yield " or ".join(words) if len(words) == 2 else f"one of {', '.join(words)}"
    elif kind is str:
        yield "text"
    elif kind is not type(None) and get_origin(kind) is not tuple:
        for part in get_args(kind):
            yield from _describe_parts(part)
