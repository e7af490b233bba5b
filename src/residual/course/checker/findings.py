"""From differences to findings: the catalogue's words with the places and values filled in."""

import inspect
from collections.abc import Callable

from residual.course.checker.calling import Outcome
from residual.course.checker.catalogue import CATALOGUE
from residual.course.checker.layout import Difference
from residual.course.checker.report import Finding
from residual.course.checker.wording import advice, described


def finding(function: str, difference: Difference, evidence: str = "", more: int = 0) -> Finding:
    """The finding that a difference makes; `more` places have the same one."""
    row = CATALOGUE[difference.mistake]
    place = f"{difference.place} (and {more} more)" if more else difference.place
    words = {"place": place, "expected": difference.expected, "got": difference.got}
    step, shown = difference.step, difference.mistake not in _SAID_IN_MESSAGE
    return Finding(
        function,
        difference.mistake,
        row.message.format(**words),
        row.mend.format(**words),
        row.severity,
        place,
        step.layer_name if step else "",
        step.node.line if step else difference.line,
        difference.expected if shown else "",
        difference.got if shown else "",
        evidence,
    )


# The message of these holds both values already.
_SAID_IN_MESSAGE = (
    "raises",
    "hangs",
    "crashed",
    "wrong-type",
    "signature",
    "nothing-to-check",
    "numbers-differ",
)


def grouped(function: str, differences: list[Difference], evidence: str = "") -> list[Finding]:
    """Findings, equal ones at several layers as one; mistakes first, the first of them with `evidence`."""
    groups: dict[tuple[str, str, str], list[Difference]] = {}
    for difference in differences:
        key = difference.mistake, difference.expected, difference.got
        groups.setdefault(key, []).append(difference)
    order = sorted(groups.values(), key=lambda group: _is_note(group[0]))
    proven = _proven([group[0].mistake for group in order], evidence)
    return [
        finding(
            function, group[0], evidence if i == proven and not _is_note(group[0]) else "", len(group) - 1
        )
        for i, group in enumerate(order)
    ]


def _proven(mistakes: list[str], evidence: str) -> int:
    """Which mistake the evidence belongs to: Keras stops at a shape, so to the first that changes shapes."""
    if not evidence.startswith("Keras stops"):
        return 0
    signs = ("stride", "kernel", "filters", "padding", "project", "hard-coded", "late", "count")
    return next((i for i, name in enumerate(mistakes) if any(sign in name for sign in signs)), 0)


def _is_note(difference: Difference) -> bool:
    return CATALOGUE[difference.mistake].severity == "note"


def any_mistake(differences: list[Difference]) -> bool:
    """Whether there is more than notes."""
    return any(not _is_note(difference) for difference in differences)


def raised(function: Callable, outcome: Outcome) -> Difference:
    """The learner's function stopped with an error: the message, and the learner's own line."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    line, text = outcome.error_line(code.co_filename if code else "")
    where = f" (line {line}: {text})" if line else ""
    return Difference(
        "raises", got=f"{described(outcome.error)}{where}", expected=advice(outcome.error), line=line
    )
