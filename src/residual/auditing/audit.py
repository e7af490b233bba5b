"""A whole audit: every image scanned, every check made."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from residual.auditing.checks import CHECKS, SLOW_CHECKS
from residual.auditing.finding import Finding
from residual.auditing.scan import Facts, scan
from residual.auditing.similar import find_near_pairs
from residual.data.source import Source
from residual.errors import DataError


@dataclass(frozen=True, eq=False)
class Audit:
    """What was found in a source of images.

    Attributes:
        source: the images.
        facts: of their scan.
        findings: those that hurt first.
    """

    source: Source
    facts: Facts
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was found that hurts."""
        return not any(finding.hurts for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able, with every case of every finding."""
        source = self.source
        return {
            "data": source.where,
            "layout": source.layout,
            "images": len(source),
            "parts": dict(Counter(source.split_of(i) for i in range(len(source)))),
            "classes": list(source.classes),
            "ok": self.ok,
            "findings": [
                {
                    "kind": finding.kind,
                    "hurts": finding.hurts,
                    "count": finding.count,
                    "says": finding.says,
                    "cases": [
                        {"images": [self._describe(i) for i in case.images], "note": case.note}
                        for case in finding.cases
                    ],
                }
                for finding in self.findings
            ],
        }

    def _describe(self, i: int) -> dict[str, str]:
        source = self.source
        return {
            "name": source.names[i],
            "part": source.split_of(i),
            "label": source.classes[source.labels[i]],
        }


def audit_source(
    source: Source, labels: bool = False, progress: Callable[[int], None] = lambda done: None
) -> Audit:
    """Look at every image of a source.

    Args:
        source: the images, from `data.load.open_source`.
        labels: look for labels that are likely wrong too, which takes longer than all else.
        progress: called with the number of images read.

    Raises:
        DataError: if there are no images.
    """
    if not len(source):
        raise DataError(f"{source.where} has no images.")
    facts = scan(source, progress)
    facts.near_pairs = _find_near(source, facts)
    checks = (*CHECKS, *SLOW_CHECKS) if labels else CHECKS
    findings = [
        Finding(check.KIND, check.SEVERITY, found.says, found.count, found.cases, check.DESCRIPTION)
        for check in checks
        for found in check.find(facts, source)
    ]
    return Audit(source, facts, tuple(sorted(findings, key=lambda finding: not finding.hurts)))


def _find_near(source: Source, facts: Facts) -> list[tuple[int, int]]:
    """Pairs of nearly the same images, with the copies of each; of two splits the later one comes first."""
    groups = facts.duplicates
    copies = np.concatenate([group[1:] for group in groups]) if groups else np.empty(0, np.int64)
    firsts = np.setdiff1d(np.arange(len(source)), copies)
    whole = {int(group[0]): [int(i) for i in group] for group in groups}
    pairs = [
        (a, b)
        for first, second in find_near_pairs(source, facts, firsts)
        for a in whole.get(first, [first])
        for b in whole.get(second, [second])
    ]
    return [(a, b) if source.splits[a] >= source.splits[b] else (b, a) for a, b in pairs]
