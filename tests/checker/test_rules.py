"""The table of rules: each is complete and has a planted mistake, and the logic reads no rule's name."""

import ast
import inspect
import pkgutil
import re
import string
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import residual.checker
from residual.checker import RULES, rules
from residual.checker.rules.rule import Rule
from tests.support import planted

SOURCE = Path(residual.checker.__file__).parent
IDS = {rule.id for rule in RULES}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_has_its_words_and_a_function_that_finds_it(rule):
    assert re.fullmatch("[a-z]+(-[a-z]+)*", rule.id)
    assert rule.severity in ("mistake", "note")
    for text in (rule.example, rule.message, rule.fix):
        assert text.strip() == text != ""
    parts = [part for text in (rule.message, rule.fix) for part in string.Formatter().parse(text)]
    assert {name for _, name, _, _ in parts} <= {None, "place", "expected", "got"}
    functions = [name for name in dir(rule) if name.startswith("find_in_") or name == "restate"]
    assert any(getattr(type(rule), name) is not getattr(Rule, name, None) for name in functions)


def test_the_table_holds_every_rule_once():
    modules = [
        import_module(f"{rules.__name__}.{module.name}") for module in pkgutil.iter_modules(rules.__path__)
    ]
    classes = {
        value
        for module in modules
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, Rule) and hasattr(value, "id")
    }
    assert classes == {type(rule) for rule in RULES}
    assert len(classes) == len(RULES) == len(IDS)


def test_every_rule_has_a_planted_mistake_that_triggers_it():
    """`test_blocks`, `test_networks` and `test_files` check that each planted mistake is named, and no other."""
    assert planted.list_mistakes() == IDS


def find_uses(tree: ast.Module) -> list[str]:
    """The places at which code could decide by a rule's name: where it reads one, and where it spells one out."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in ("id", "mistake"):
            found.append(f"reads .{node.attr}")
        operands = []
        if isinstance(node, ast.Compare):
            operands = [node.left, *node.comparators]
        elif isinstance(node, ast.MatchValue):
            operands = [node.value]
        elif isinstance(node, ast.Subscript):
            operands = [node.slice]
        names = {
            constant.value
            for operand in operands
            for constant in ast.walk(operand)
            if isinstance(constant, ast.Constant) and constant.value in IDS
        }
        found += [f"compares {name}" for name in sorted(names - SETTINGS)]
    return found


# Settings of Keras layers that happen to have the name of a rule.
SETTINGS = {"padding", "epsilon", "momentum", "axis"}


@pytest.mark.parametrize(
    "code",
    [
        "if difference.mistake == sign: pass",
        "any(sign in rule.id for sign in signs)",
        "if name in ('frozen', 'no-bias'): pass",
        "row = CATALOGUE['raises']",
        "match name:\n    case 'hangs': pass",
    ],
)
def test_a_use_of_a_rule_s_name_is_found(code):
    assert find_uses(ast.parse(code))


def test_the_logic_reads_no_rule_s_name():
    """It is read twice: to put it into the finding, and to print it."""
    uses = {
        path.relative_to(SOURCE).as_posix(): find_uses(ast.parse(path.read_text("utf-8")))
        for path in SOURCE.rglob("*.py")
    }
    assert {path: found for path, found in uses.items() if found} == {
        "findings.py": ["reads .id"],
        "report.py": ["reads .mistake"],
    }


def test_the_rules_do_not_load_keras():
    """The command's own process needs their words alone: only the process that it starts loads Keras."""
    code = "import sys, residual.checker; sys.exit('keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
