"""Read the JSON files of a folder with weights, without trust in what they hold."""

import json
from pathlib import Path
from typing import Any

from residual._text import describe_value, format_bytes
from residual.errors import RunError

_MOST = 32 * 2**20  # bytes; the configuration of a network with 21,000 classes takes one or two megabytes
_REQUIRED: Any = object()


def read_json(path: Path) -> dict[str, Any]:
    """The table in a JSON file.

    Raises:
        RunError: the file is missing, not readable, far too large, or holds something else.
    """
    try:
        size = path.stat().st_size
        if size > _MOST:
            raise RunError(
                f"{path} has {format_bytes(size)}; {format_bytes(_MOST)} is the most for a configuration."
            )
        table = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunError(
            f"{path} is missing: the folder {path.parent} is incomplete. Copy or download it again."
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{path} cannot be read as JSON: {error}. Copy or download it again.") from None
    if not isinstance(table, dict):
        raise RunError(f"{path} must hold a table; got {describe_value(table)}.")
    return table


def read_field(
    table: dict[str, Any], name: str, kind: type | tuple[type, ...], path: Path, default=_REQUIRED
) -> Any:
    """A field of a table.

    Args:
        table: of a file.
        name: of the field.
        kind: what it must be; a whole number passes as float.
        path: the file, for messages.
        default: what a field that is missing, or null, stands for; without it there must be one.

    Raises:
        RunError: the field is missing or of another kind.
    """
    value = table.get(name)
    if value is None and default is not _REQUIRED:
        return default
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        expected = " or ".join(one.__name__ for one in kinds)
        raise RunError(f"{path}: {name} must be a value of type {expected}; got {describe_value(value)}.")
    return value


def read_counts(
    table: dict[str, Any], name: str, path: Path, default: tuple[int, ...] | None = None
) -> tuple[int, ...]:
    """A field that is a list of whole numbers from 1.

    Raises:
        RunError: it is something else.
    """
    value = table.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, list) or not value or not all(type(one) is int and one > 0 for one in value):
        raise RunError(f"{path}: {name} must be a list of whole numbers from 1; got {describe_value(value)}.")
    return tuple(value)
