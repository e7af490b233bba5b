"""The public names: the same at runtime, for editors and in `__all__`, and loaded only when they are used."""

import ast
import importlib
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

import residual

_TREE = ast.parse(Path(residual.__file__).read_text("utf-8"))
LAZY = {name: module for module, names in residual._MODULES.items() for name in names}


def imports_for_type_checkers() -> dict[str, str]:
    """Name -> module of the imports under `if TYPE_CHECKING`."""
    blocks = [node.body for node in _TREE.body if isinstance(node, ast.If)]
    return {
        alias.asname or alias.name: statement.module
        for body in blocks
        for statement in body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }


def test_editors_see_the_names_that_are_found_at_runtime():
    assert imports_for_type_checkers() == LAZY


def test_all_and_dir_hold_every_public_name():
    assert dir(residual) == sorted(residual.__all__)
    assert len(set(residual.__all__)) == len(residual.__all__)
    assert set(LAZY) < set(residual.__all__)


@pytest.mark.parametrize("name", residual.__all__)
def test_every_name_resolves_to_what_its_module_defines(name):
    value = getattr(residual, name)
    if name in LAZY:
        assert value is getattr(importlib.import_module(LAZY[name]), name)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'residual' has no attribute 'resnet'"):
        residual.resnet


def test_the_package_is_marked_as_typed():
    assert resources.files("residual").joinpath("py.typed").is_file()


def test_importing_the_package_loads_no_array_library():
    script = "import sys, residual; print([m for m in ('keras', 'numpy', 'tensorflow', 'rich') if m in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout.strip() == "[]"
