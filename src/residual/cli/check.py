"""residual check: a learner's own blocks against the reference."""

from pathlib import Path

import typer

from residual.cli._shared import JSON, console, print_json
from residual.errors import DataError

EXAMPLE = "residual check my_blocks.py"


def run(
    file: Path = typer.Argument(
        ..., metavar="FILE", help="A .py or .ipynb file that defines identity_block, ResNet50 or others."
    ),
    timeout: float = typer.Option(120, min=1, help="Seconds that the file may take."),
    as_json: bool = JSON,
):
    """Check your own blocks and networks against the reference, and name the mistake.

    Exit code 0 if all is right, 1 if something differs.
    """
    out = console(for_json=as_json)
    from residual._console import show_work

    _check_file(file)
    with show_work(out, f"running {file.name}"):
        from residual.checker import check_file, print_report

        report = check_file(file, timeout=timeout)
    if as_json:
        print_json(report.to_dict())
    else:
        print_report(report, out)
    if not report.ok:
        raise typer.Exit(1)


def _check_file(file: Path) -> None:
    """Refuse a file that is no program, before Keras is loaded."""
    if not file.is_file():
        raise DataError(f"There is no file {file}. Give the path of a .py or .ipynb file with your blocks.")
    if file.suffix not in (".py", ".ipynb"):
        raise DataError(f"{file} is neither a .py file nor a notebook (.ipynb).")
