"""residual check, convert."""

from pathlib import Path

import typer

from residual import backend
from residual.cli.common import JSON, console, print_json, verb


def add_to(app: typer.Typer) -> None:
    """Register the verbs of this room."""
    app.command("check", epilog="Example: residual check my_blocks.py")(check)
    app.command("convert", epilog="Example: residual convert resnet50.h5 --raw-pixels")(convert)


@verb
def check(
    file: Path = typer.Argument(
        ..., metavar="FILE", help="A .py or .ipynb file that defines identity_block, ResNet50 or others."
    ),
    timeout: float = typer.Option(120, min=1, help="Seconds that the file may take."),
    as_json: bool = JSON,
):
    """Check your own blocks and networks against the reference, and name the mistake.

    Exit code 0 when all is right, 1 when something differs.
    """
    out = console()
    from residual.checker import check_file, print_report

    report = check_file(file, timeout=timeout)
    if as_json:
        print_json(report.to_dict())
    else:
        print_report(report, out)
    if not report.ok:
        raise typer.Exit(1)


@verb
def convert(
    source: Path = typer.Argument(
        ..., metavar="OLD.h5", help="HDF5 model or weights of Keras 1, Keras 2 or TF 1."
    ),
    output: Path = typer.Option(None, help="The .keras file; by default beside the source."),
    raw_pixels: bool = typer.Option(
        False, help="Make it take raw 0-255 pixels, where its program divided them by 255."
    ),
    size: int = typer.Option(None, min=1, help="Pixels a side, where the file holds weights alone."),
    as_json: bool = JSON,
):
    """Turn an old HDF5 model into a .keras file. Code in the file is never run."""
    out = console()
    backend.import_keras_quietly()
    from residual.interop import convert as convert_file

    done = convert_file(source, output, scale_inputs=raw_pixels, size=size)
    if as_json:
        facts = {"target": str(done.target), "network": done.network, "arrays": done.arrays}
        print_json({**facts, "parameters": done.parameters, "notes": list(done.notes)})
        return
    lines = [f"{source} -> {done.target}", f"network    {done.network}"]
    lines += [f"arrays     {done.arrays}, all placed; {done.parameters:,} parameters"]
    lines += [f"note       {note}" for note in done.notes]
    for line in lines:
        out.print(line, highlight=False, soft_wrap=True, markup=False)
