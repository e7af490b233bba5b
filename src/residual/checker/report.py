"""What the checker hands back: findings, the report they make up, and how it is printed."""

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Literal

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


@dataclass(frozen=True)
class Report:
    """What was checked and what was found.

    Attributes:
        checked: the functions that were run against the reference.
        findings: mistakes and notes, in the order in which to mend them.
        source: the file that was checked, "" for functions.
        printed: what the learner's own code printed while it was checked (the last 4,000 characters).
    """

    checked: tuple[str, ...]
    findings: tuple[Finding, ...]
    source: str = ""
    printed: str = field(default="", repr=False)

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

    def to_dict(self) -> dict:
        """Plain lists, strings and numbers, ready for JSON; `from_dict` reads it."""
        return {
            "ok": self.ok,
            "source": self.source,
            "checked": list(self.checked),
            "findings": [asdict(finding) for finding in self.findings],
            "printed": self.printed,
        }

    def __str__(self) -> str:
        from io import StringIO

        from rich.console import Console

        text = StringIO()
        print_report(self, Console(file=text, width=100))
        return text.getvalue()

    def _repr_pretty_(self, printer, cycle: bool) -> None:
        """What a notebook shows if a cell ends with a report."""
        printer.text(str(self))

    @classmethod
    def from_dict(cls, values: dict) -> "Report":
        findings = tuple(Finding(**finding) for finding in values["findings"])
        return cls(tuple(values["checked"]), findings, values["source"], values["printed"])


def print_report(report: Report, console: "Console | None" = None) -> None:
    """Print the report in plain words, at most 100 columns wide.

    Args:
        report: from `check` or `check_file`.
        console: where to print; standard output by default.
    """
    from rich.console import Console

    out = console or Console(width=WIDTH, soft_wrap=False)
    width = min(WIDTH, out.width)
    for name in report.checked or ("",):
        _print_function(report, name, out, width)
    others = [finding for finding in report.findings if finding.function not in report.checked]
    for finding in others if report.checked else []:
        _print_finding(finding, out, width)
    _line(out, width, _last_line(report), "bold")


def _print_function(report: Report, name: str, out, width: int) -> None:
    findings = [finding for finding in report.findings if finding.function == name or not report.checked]
    if not any(finding.severity == "mistake" for finding in findings) and name:
        _line(out, width, f"{name}: right. It computes what the reference computes.", "green")
    for finding in findings:
        _print_finding(finding, out, width)


def _print_finding(finding: Finding, out, width: int) -> None:
    mark = "note: " if finding.severity == "note" else ""
    subject = f"{mark}{finding.function or 'the file'}"
    where = f" (line {finding.line})" if finding.line else ""
    _line(out, width, f"{subject}{where}: {finding.message}", "yellow" if mark else "bold red")
    said = finding.expected in finding.message and finding.got in finding.message
    if not said:
        _line(
            out,
            width,
            f"expected {finding.expected or 'nothing'}; yours: {finding.got or 'nothing'}",
            indent=4,
        )
    if finding.evidence:
        _line(out, width, finding.evidence, "dim", indent=4)
    if finding.hint:
        _line(out, width, f"{'' if mark else 'change: '}{finding.hint}", indent=4)
    _line(out, width, f"[{finding.mistake}]", "dim", indent=4)


def _last_line(report: Report) -> str:
    if not report.checked:
        return "Nothing could be checked."
    count = len(report.mistakes)
    if count == 0:
        return f"All right: {', '.join(report.checked)}."
    return f"{count} mistake{'s' if count > 1 else ''} to mend."


def _line(out, width: int, text: str, style: str = "", indent: int = 0) -> None:
    from rich.padding import Padding
    from rich.text import Text

    out.print(Padding(Text(text, style=style), (0, 0, 0, indent)), width=width, highlight=False)
