"""A diagnosis for people."""

from typing import TYPE_CHECKING

from residual._console import make_safe, print_row
from residual.diagnosis.check import Check, Diagnosis

if TYPE_CHECKING:
    from rich.console import Console

INDENT = 11
SHOWN = 10  # layers or files


def print_diagnosis(diagnosis: Diagnosis, console: "Console") -> None:
    """Print what was found with figures and remedies, and below it a line on what was looked at.

    Args:
        diagnosis: of a run.
        console: where to print.
    """
    for check in diagnosis.found:
        _print_check(check, console)
    healthy = [check.symptom for check in diagnosis.checks if not check.found]
    if not diagnosis.found:
        print_row(console, "healthy", "nothing was found.", indent=INDENT, style="green")
    if healthy:
        print_row(console, "looked at", ", ".join(healthy) + ": within limits", indent=INDENT)
    for symptom, reason in diagnosis.skipped.items():
        print_row(console, "skipped", make_safe(console, f"{symptom}: {reason}"), indent=INDENT)


def _print_check(check: Check, console: "Console") -> None:
    console.print(check.symptom, style="bold", markup=False, highlight=False)
    print_row(console, "  seen", make_safe(console, check.evidence), indent=INDENT)
    for label, text in zip(["  where", *[""] * SHOWN], check.where[:SHOWN], strict=False):
        print_row(console, label, make_safe(console, text), indent=INDENT)
    if len(check.where) > SHOWN:
        print_row(console, "", f"and {len(check.where) - SHOWN} more, which the JSON names", indent=INDENT)
    print_row(console, "  limit", check.threshold, indent=INDENT)
    for label, remedy in zip(["  to try", *[""] * 9], check.remedies, strict=False):
        print_row(console, label, remedy.text, indent=INDENT)
        if remedy.command:
            print_row(console, "", make_safe(console, remedy.command), indent=INDENT)
    console.print()
