"""A whole audit: every image scanned, every check made."""

import html
import io
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from residual._console import default_console
from residual.auditing.checks import CHECKS, SLOW_CHECKS
from residual.auditing.finding import Finding
from residual.auditing.progress import show_progress
from residual.auditing.scan import Facts, scan
from residual.auditing.similar import find_near_pairs
from residual.data.load import open_source
from residual.data.passed_over import list_passed_over
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

    def __repr__(self) -> str:
        return f"Audit({self.source.where!r}: {len(self.source):,} images, {len(self.findings)} findings, ok={self.ok})"

    def __str__(self) -> str:
        """The report as it is printed."""
        from rich.console import Console

        from residual.auditing.report_text import print_audit

        text = io.StringIO()
        print_audit(self, Console(file=text, width=110))
        return text.getvalue().rstrip()

    def _repr_html_(self) -> str:
        """The page with the images side by side, for notebooks."""
        from residual.auditing.report_html import format_page

        page = html.escape(format_page(self), quote=True)
        return f'<iframe srcdoc="{page}" style="width: 100%; height: 640px; border: 0"></iframe>'

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
            "notes": list(source.notes),
            "passed_over": list_passed_over(source.passed_over),
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


def audit(data: str | Path, *, labels: bool = False, search_dir: str | Path | None = None) -> Audit:
    """Look at every image of a data set before a network does.

    Args:
        data: what `load_data` takes: a name, a path, or an address.
        labels: look for labels that are likely wrong too, which takes longer than all else.
        search_dir: folder to search for "signs" and "cifar10".

    Returns:
        The findings, those that make results wrong first. `print` shows the report, a notebook shows the images, and
        `ok` says whether a result can be trusted.

    Raises:
        DataError: if nothing is found, or nothing can be learnt from it.
    """
    source = open_source(data, search_dir)
    with show_progress(default_console(stderr=True), len(source)) as progress:
        return audit_source(source, labels, progress)


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
