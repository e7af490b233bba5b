"""What the checker hands back: findings, the report they make up, and how it is printed."""

import html
import textwrap
from dataclasses import asdict, dataclass, field, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal

from residual._text import escape_control

if TYPE_CHECKING:
    from rich.console import Console

WIDTH = 100


@dataclass(frozen=True)
class Finding:
    """One thing that the checker has to say about one function.

    Attributes:
        function: the learner's function, e.g. "identity_block"; "" for the file as a whole.
        mistake: the `id` of a rule, e.g. "relu-before-addition".
        message: what is wrong, one sentence.
        hint: what to change.
        severity: "mistake", or "note" for what is worth knowing and does no harm.
        place: the role of the layer, e.g. "2nd convolution".
        layer: the learner's own name of the layer, or "".
        line: line of the learner's file (or notebook cell) where the layer is called.
        expected: the reference's value, e.g. "padding 'same'".
        got: the learner's.
        evidence: numbers at the first layer whose output differs, or the error that followed.
        cell: number of the code cell, counted from 1, if the file is a notebook; `line` counts from its start.
    """

    function: str
    mistake: str
    message: str
    hint: str
    severity: Literal["mistake", "note"] = "mistake"
    place: str = ""
    layer: str = ""
    line: int | None = None
    expected: str = ""
    got: str = ""
    evidence: str = ""
    cell: int | None = None

    @property
    def where(self) -> str:
        """The place in the file in words: " (cell 3, line 7)", or ""."""
        if not self.line:
            return ""
        return f" (cell {self.cell}, line {self.line})" if self.cell else f" (line {self.line})"


@dataclass(frozen=True, repr=False)
class Report:
    """What was checked and what was found.

    Attributes:
        checked: the functions that were run against the reference.
        findings: mistakes and notes, in the order in which to mend them.
        source: the file that was checked, "" for functions.
        printed: what the learner's own code printed while it was checked (the last 4,000 characters).
        roles: of each checked function, what it was checked as, if its name does not say so.
        unchecked: name -> reason of what was found and not checked.
    """

    checked: tuple[str, ...]
    findings: tuple[Finding, ...]
    source: str = ""
    printed: str = field(default="", repr=False)
    roles: dict[str, str] = field(default_factory=dict)
    unchecked: dict[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Something was checked and there is no mistake; notes do not count."""
        return bool(self.checked) and not self.mistakes

    @property
    def mistakes(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity == "mistake")

    @property
    def notes(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity == "note")

    @property
    def right(self) -> tuple[str, ...]:
        """The checked functions without a mistake."""
        wrong = {finding.function for finding in self.mistakes}
        return tuple(name for name in self.checked if name not in wrong)

    def to_dict(self) -> dict:
        """Plain lists, strings and numbers, ready for JSON; `from_dict` reads it."""
        values = asdict(replace(self, checked=()))
        values["findings"] = list(values["findings"])
        return {"ok": self.ok, **values, "checked": list(self.checked)}

    @classmethod
    def from_dict(cls, values: dict) -> "Report":
        """The report that `to_dict` wrote."""
        values = {name: value for name, value in values.items() if name != "ok"}
        findings = tuple(Finding(**finding) for finding in values.pop("findings"))
        return cls(tuple(values.pop("checked")), findings, **values)

    def __repr__(self) -> str:
        what = f" {PurePath(self.source).name}:" if self.source else ""
        mistakes = f"{len(self.mistakes)} mistake{'' if len(self.mistakes) == 1 else 's'}"
        return f"<Report{what} {len(self.right)} of {len(self.checked)} right, {mistakes}>"

    def __str__(self) -> str:
        return "\n".join(text for text, _ in format_report(self))

    def _repr_pretty_(self, printer, cycle: bool) -> None:
        """What IPython shows if a line ends with a report."""
        printer.text(str(self))

    def _repr_html_(self) -> str:
        """What a notebook shows if a cell ends with a report: one box."""
        colors = {"green": "#1a7f37", "bold red": "#b30000", "yellow": "#8a6100", "dim": "#666"}
        lines = []
        for text, style in format_report(self):
            color = f"color: {colors[style]}" if style in colors else ""
            lines.append(f'<span style="{color}">{html.escape(text)}</span>' if color else html.escape(text))
        return '<pre style="line-height: 1.3; white-space: pre-wrap">' + "\n".join(lines) + "</pre>"


def print_report(report: Report, console: "Console | None" = None) -> None:
    """Print the report in plain words, at most 100 columns wide.

    Args:
        report: from `check` or `check_file`.
        console: where to print, in color; by default to standard output, without.
    """
    if console is None:
        print(report)
        return
    from rich.text import Text

    for text, style in format_report(report, min(WIDTH, console.width)):
        console.print(Text(text, style=style), highlight=False, soft_wrap=True)


def format_report(report: Report, width: int = WIDTH) -> list[tuple[str, str]]:
    """The lines of a report and the style of each, a name that `rich` knows.

    Args:
        report: to print.
        width: of the longest line.
    """
    lines: list[tuple[str, str]] = []

    def add(text: str, style: str = "", indent: int = 0) -> None:
        # A learner's error may hold escape codes, which would color what follows.
        wrapped = textwrap.wrap(escape_control(text), max(width - indent, 20), break_on_hyphens=False)
        lines.extend((" " * indent + line, style) for line in wrapped)

    for name in report.checked:
        if name in report.right:
            role = f" (as {report.roles[name]})" if report.roles.get(name) else ""
            add(f"{name}{role}: right. It computes what the reference computes.", "green")
        _add_findings([finding for finding in report.findings if finding.function == name], add)
    _add_findings([finding for finding in report.findings if finding.function not in report.checked], add)
    for name, reason in report.unchecked.items():
        if report.checked:
            add(f"not checked: {name}: {reason}.", "yellow")
    add(_summarize(report), "bold")
    return lines


def _add_findings(findings: list[Finding], add) -> None:
    for finding in findings:
        is_note = finding.severity == "note"
        subject = f"{'note: ' if is_note else ''}{finding.function or 'the file'}{finding.where}"
        add(f"{subject}: {finding.message}", "yellow" if is_note else "bold red")
        if finding.expected not in finding.message or finding.got not in finding.message:
            add(f"expected {finding.expected or 'nothing'}; yours: {finding.got or 'nothing'}", indent=4)
        add(finding.evidence, "dim", indent=4)
        if finding.hint:
            add(f"{'' if is_note else 'change: '}{finding.hint}", indent=4)
        add(f"[{finding.mistake}]", "dim", indent=4)


def _summarize(report: Report) -> str:
    if not report.checked:
        return "Nothing could be checked."
    count = len(report.mistakes)
    if count:
        return f"{count} mistake{'s' if count > 1 else ''} to mend."
    everything = "All right" if not report.unchecked else "Right"
    text = f"{everything}: {', '.join(report.checked)}."
    return f"{text} Not checked: {', '.join(report.unchecked)}." if report.unchecked else text
