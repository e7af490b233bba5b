"""A certificate for the terminal."""

from typing import TYPE_CHECKING

from residual._console import print_row
from residual._text import format_bytes, format_percent
from residual.exporters.certificate import Accuracy, Certificate

if TYPE_CHECKING:
    from rich.console import Console

_INDENT = 11


def print_certificate(certificate: Certificate, console: "Console") -> None:
    """Print what was found, in some ten lines.

    Args:
        certificate: from `certify`.
        console: where to print.
    """
    for label, text in list_rows(certificate):
        print_row(console, label, text, indent=_INDENT)


def list_rows(certificate: Certificate) -> list[tuple[str, str]]:
    """(label, text) of each line."""
    n, speed, machine = certificate.n, certificate.speed, certificate.machine
    low, high = (format_percent(end, n).rstrip("%") for end in certificate.agreement_interval)
    rows = [
        (
            "agreement",
            f"{certificate.agreeing:,} of {n:,} validation images get the network's class "
            f"({format_percent(certificate.agreement, n)}, 95% interval {low}-{high})",
        ),
        (
            "difference",
            f"of probabilities: {certificate.largest_difference:.2g} at most, {certificate.median_difference:.2g} in "
            "the median",
        ),
        (
            "accuracy",
            f"{_format_accuracy(certificate.file_accuracy, n)} with the file, "
            f"{_format_accuracy(certificate.network_accuracy, n)} with the network; {_describe_change(certificate)}",
        ),
        ("size", f"{format_bytes(certificate.file_bytes)}, {_describe_precision(certificate)}"),
    ]
    if certificate.float_layers:
        rows.append(("float", f"{', '.join(certificate.float_layers)}: too sensitive for int8"))
    if speed:
        rows.append(
            (
                "speed",
                f"{speed.batch_1_ms:.3g} ms an image, {speed.batch_32_per_second:,.0f} images/s in batches of 32 "
                f"(medians of {speed.batch_1_calls} and {speed.batch_32_calls} calls)",
            )
        )
    found = " ".join(machine.instruction_sets) or "unknown instruction sets"
    limits = "".join(f", {name}={value}" for name, value in machine.limits.items())
    rows.append(
        (
            "machine",
            f"{machine.processor}, {machine.cores} cores ({found}{limits}), {certificate.runtime}",
        )
    )
    return rows


def _format_accuracy(accuracy: Accuracy, n: int) -> str:
    low, high = (format_percent(end, n).rstrip("%") for end in accuracy.interval)
    return f"{format_percent(accuracy.share, n)} ({low}-{high})"


def _describe_change(certificate: Certificate) -> str:
    """Whether the two accuracies differ by more than chance, in words."""
    change = certificate.change
    if not change.only_network and not change.only_file:
        return "both are right on the same images"
    verdict = "more" if change.p < 0.05 else "no more"
    return (
        f"the file is wrong on {change.only_network:,} images that the network has right, and right on "
        f"{change.only_file:,} others: {verdict} than chance (exact McNemar test, p = {change.p:.2g})"
    )


def _describe_precision(certificate: Certificate) -> str:
    if certificate.executed_precision == certificate.precision:
        return certificate.precision
    return f"{certificate.precision}, computed in {certificate.executed_precision} on this processor"
