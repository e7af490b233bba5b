"""Single values of a recipe's table changed: "schedule.peak=0.01", and recipe files that build on another recipe."""

import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

from residual.errors import RecipeError

_KINDS = "kind"  # a table of another kind has other values, so nothing of the old one stays


def parse_values(assignments: Iterable[str]) -> dict[str, Any]:
    """The values of texts such as "schedule.peak=0.01", by name.

    Args:
        assignments: "name=value" each; the value is written as in TOML, a plain word without quotes.

    Raises:
        RecipeError: for a text without a name or a value.
    """
    values = {}
    for text in assignments:
        name, found, value = (part.strip() for part in text.partition("="))
        if not (name and found and value):
            raise RecipeError(f"`changes` must be like schedule.peak=0.01; got {text!r}.")
        values[name] = _parse_value(value)
    return values


def _parse_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError):
        return text


def change_table(table: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe's table with other values. What the recipe reached is left out: it reached it unchanged.

    Args:
        table: from `Recipe.to_table`; it stays as it is.
        values: by name. "schedule.peak" and {"schedule": {"peak": ...}} mean the same.

    Returns:
        What `Recipe.from_table` takes.

    Raises:
        RecipeError: for a name with a dot whose first part is no table.
    """
    changed = _merge(table, _nest(values))
    return changed if "expected" in values else {**changed, "expected": ""}


def _nest(values: Mapping[str, Any]) -> dict[str, Any]:
    """{"schedule.peak": 1} as {"schedule": {"peak": 1}}."""
    nested: dict[str, Any] = {}
    for name, value in values.items():
        *above, last = name.split(".")
        inner = nested
        for part in above:
            inner = inner.setdefault(part, {})
            if not isinstance(inner, dict):
                raise RecipeError(f"{part} and {name} cannot both be set.")
        inner[last] = value
    return nested


def _merge(table: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(table)
    for name, value in values.items():
        before = merged.get(name)
        if isinstance(value, Mapping) and name in merged:
            if not isinstance(before, Mapping):
                raise RecipeError(
                    f"{name} of the recipe has no {', '.join(value)}: it is {before!r}. Names with a dot: "
                    f"{', '.join(_list_names(table))}."
                )
            same_kind = value.get(_KINDS, before.get(_KINDS)) == before.get(_KINDS)
            merged[name] = _merge(before if same_kind else {}, value)
        else:
            merged[name] = value
    return merged


def _list_names(table: Mapping[str, Any]) -> list[str]:
    tables = {name: value for name, value in table.items() if isinstance(value, Mapping)}
    return [f"{name}.{key}" for name, value in tables.items() for key in value]
