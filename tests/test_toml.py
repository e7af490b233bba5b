"""Tables as TOML documents: what is read back is what was written, and arrays of numbers stand in one line."""

import tomllib

import pytest

from residual._toml import format_toml


@pytest.mark.parametrize(
    "table",
    [
        {"sizes": [[0.0, 24], [0.4, 32]], "empty": [], "nested": {"rates": [1e-5, -2.0, float("inf")]}},
        {"names": ["a", "[\n1,\n]"], "mixed": [1, "two", [3.0]], "flags": [True, False]},
        {"entries": [{"kind": "shift", "pixels": [1, 2]}], "text": "x = [\n    1,\n]\n"},
    ],
)
def test_a_table_is_read_back(table):
    assert tomllib.loads(format_toml(table)) == table


def test_pairs_stand_in_one_line():
    assert "    [0.4, 32],\n" in format_toml({"sizes": [[0.0, 24], [0.4, 32]]})
