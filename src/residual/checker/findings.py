"""From differences to findings: the rule's words with the places and values filled in."""

from typing import NamedTuple

from residual.checker.difference import Difference
from residual.checker.report import Finding


class Evidence(NamedTuple):
    """What shows that something is wrong.

    Attributes:
        text: numbers or shapes at the first layer that differs, or the error that ended the call.
        is_error: whether it is an error: Keras stops at a shape.
    """

    text: str = ""
    is_error: bool = False


NO_EVIDENCE = Evidence()


def make_finding(function: str, difference: Difference, evidence: str = "", more: int = 0) -> Finding:
    """The finding that a difference makes; `more` places have the same one."""
    rule, step = difference.rule, difference.step
    place = f"{difference.place} (and {more} more)" if more else difference.place
    words = {"place": place, "expected": difference.expected, "got": difference.got}
    fix = difference.variant if difference.is_softened else rule.fix.format(**words)
    return Finding(
        function,
        rule.id,
        rule.message.format(**words),
        fix,
        "note" if difference.is_note else rule.severity,
        place,
        step.layer_name if step else "",
        step.node.line if step else difference.line,
        "" if rule.message_has_values else difference.expected,
        "" if rule.message_has_values else difference.got,
        evidence,
    )


def group_differences(
    function: str, differences: list[Difference], evidence: Evidence = NO_EVIDENCE
) -> list[Finding]:
    """Findings, equal ones at several layers as one; mistakes first, one of them with the evidence."""
    groups: dict[tuple, list[Difference]] = {}
    for difference in differences:
        key = difference.rule, difference.expected, difference.got
        groups.setdefault(key, []).append(difference)
    ordered = sorted(groups.values(), key=lambda group: group[0].is_note)
    proven = _find_proven([group[0] for group in ordered], evidence)
    return [
        make_finding(function, group[0], evidence.text if group[0] is proven else "", len(group) - 1)
        for group in ordered
    ]


def _find_proven(differences: list[Difference], evidence: Evidence) -> Difference | None:
    """The mistake that the evidence belongs to: the first, or of an error the first that changes a shape."""
    mistakes = [difference for difference in differences if not difference.is_note]
    shapes = [difference for difference in mistakes if difference.rule.changes_shape and evidence.is_error]
    return next(iter([*shapes, *mistakes]), None)
