"""Golden files: the keys and types of an output, one line a key, values left out.

    UPDATE_GOLDEN=1 pytest tests/test_golden.py

writes the files in tests/golden/ anew. Review their diff: every line is a key that somebody's script may read.
"""

import os
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "golden"


def describe_shape(value) -> str:
    """Lines such as "test.per_class[].name: str"; a key with several types has them all, "int | null"."""
    kinds: dict[str, list[str]] = {}
    for path, kind in _walk(value, ""):
        if kind not in kinds.setdefault(path, []):
            kinds[path].append(kind)
    return "".join(f"{path}: {' | '.join(sorted(found))}\n" for path, found in kinds.items())


def _walk(value, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _walk(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value:
        for inner in value:
            yield from _walk(inner, f"{path}[]")
    elif isinstance(value, dict | list):
        yield path, f"empty {'table' if isinstance(value, dict) else 'list'}"
    else:
        yield path, "null" if value is None else type(value).__name__


def check_golden(name: str, value) -> None:
    """Compare the shape of an output with tests/golden/NAME.txt, or write that file if UPDATE_GOLDEN is set."""
    path, shape = FOLDER / f"{name}.txt", describe_shape(value)
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(shape, "utf-8")
    expected = path.read_text("utf-8").splitlines()
    assert shape.splitlines() == expected, (
        f"The keys or types of {name} changed; see tests/support/golden.py."
    )
