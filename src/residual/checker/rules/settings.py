"""How rules compare one setting of two convolutions, and the words for it."""

from collections.abc import Iterator

from residual.checker.difference import Difference
from residual.checker.rules.rule import Rule
from residual.checker.steps import Step, ordinal


def setting_values(pairs: list[tuple[Step, Step]], key: str) -> tuple[list, list]:
    """One setting of all convolutions: (the reference's values, the learner's)."""
    return [there.values[key] for there, _ in pairs], [here.values[key] for _, here in pairs]


def compare_one_by_one(rule: Rule, key: str, pairs: list[tuple[Step, Step]]) -> Iterator[Difference]:
    """A difference for each convolution of the main path with another value."""
    for i, (there, here) in enumerate(pairs, 1):
        if there.values[key] != here.values[key]:
            yield compare_setting(rule, f"{ordinal(i)} convolution", key, there, here)


def compare_setting(rule: Rule, role: str, key: str, there: Step, here: Step) -> Difference:
    """The difference between two values of one setting."""
    return rule.at(role, format_setting(key, there.values[key]), format_setting(key, here.values[key]), here)


def format_setting(key: str, value) -> str:
    """A setting in words: "stride 2", "window 3x3", "4 filters"."""
    if key == "filters":
        return f"{value} filters"
    height, width = value
    if key == "kernel":
        return f"window {height}x{width}"
    return f"{key} {height}x{width}" if height != width else f"{key} {height}"


def format_settings(key: str, values: list) -> str:
    """The same setting of all convolutions in words: "windows 1x1, 3x3, 1x1"."""
    words = [format_setting(key, value).split() for value in values]
    return f"{words[0][0]}s {', '.join(word[-1] for word in words)}"
