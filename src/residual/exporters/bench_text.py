"""The table of `residual bench` for a terminal of 80 columns."""

from typing import TYPE_CHECKING

from residual._text import format_bytes, format_percent
from residual.exporters.bench import Bench, BenchRow

if TYPE_CHECKING:
    from rich.console import Console

_HEADINGS = ("format", "", "size", "accuracy", "agrees", "ms, 1", "img/s, 32")
_RIGHT = (2, 4, 5, 6)  # columns of numbers


def print_bench(bench: Bench, console: "Console") -> None:
    """Print the table, the machine, and why some formats cannot be used."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for number, heading in enumerate(_HEADINGS):
        table.add_column(heading, justify="right" if number in _RIGHT else "left", no_wrap=True)
    fastest = find_fastest(bench)
    for row in bench.rows:
        table.add_row(*(Text(cell) for cell in format_row(row)), style="bold" if row is fastest else None)
    console.print(table)
    console.print()
    machine = bench.machine
    sets = " ".join(machine.instruction_sets) or "unknown instruction sets"
    limits = "".join(f", {name}={value}" for name, value in machine.limits.items())
    lines = [
        f"{bench.images:,} validation images: accuracy with its 95% interval; agrees: the network's class",
        "ms, 1: milliseconds for one image; img/s, 32: images per second in batches of 32",
        f"{machine.processor}, {machine.cores} cores ({sets}{limits})",
    ]
    notes = [
        f"{row.format} {row.precision}: {row.reason or _describe_execution(row)}"
        for row in bench.rows
        if row.reason or _describe_execution(row)
    ]
    for line in lines + notes:
        console.print(line, soft_wrap=not console.is_terminal)


def find_fastest(bench: Bench) -> BenchRow | None:
    """The row with the most images per second; None if none could be timed."""
    timed = [row for row in bench.rows if row.certificate and row.certificate.speed]
    return max(timed, key=lambda row: row.certificate.speed.batch_32_per_second, default=None)


def format_row(row: BenchRow) -> tuple[str, ...]:
    """The cells of a row."""
    found = row.certificate
    if found is None:
        return row.format, row.precision, "-", "cannot run", "-", "-", "-"
    n, accuracy, speed = found.n, found.file_accuracy, found.speed
    low, high = (format_percent(end, n).rstrip("%") for end in accuracy.interval)
    return (
        row.format,
        row.precision,
        format_bytes(found.file_bytes),
        f"{format_percent(accuracy.share, n)} ({low}-{high})",
        format_percent(found.agreement, n),
        "refused" if row.reason else _format_ms(speed.batch_1_ms) if speed else "-",
        f"{speed.batch_32_per_second:,.0f}" if speed else "-",
    )


def _format_ms(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _describe_execution(row: BenchRow) -> str:
    """ "computed in fp32 on this processor" if that is not what was asked; else nothing."""
    found = row.certificate
    if found is None or found.executed_precision == found.precision:
        return ""
    return f"computed in {found.executed_precision} on this processor"
