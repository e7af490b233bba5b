"""residual summary: a network's layers, parameters and multiply-adds."""

from pathlib import Path

import typer

from residual.cli._shared import (
    JSON,
    api,
    check_output,
    check_trained,
    complete_model,
    console,
    print_json,
    print_line,
)

EXAMPLE = "residual summary resnet50 --input 224 --plot resnet50.png"


def run(
    network: str = typer.Argument(
        ..., help="Name of a network, or a .keras file. See: residual list.", autocompletion=complete_model
    ),
    image_size: int = typer.Option(
        None, "--input", min=1, help="Pixels a side; by default what the family is made for."
    ),
    classes: int = typer.Option(None, min=1, help="Classes; by default what the family is made for."),
    plot: Path = typer.Option(None, help="Draw the network with its shortcuts: a .png or .svg file."),
    as_json: bool = JSON,
):
    """Show a network: layers, shapes, parameters and multiply-adds, by stage."""
    out = console(for_json=as_json)
    check_output(plot, "--plot", ".png", ".svg")
    if network.endswith(".keras"):
        check_trained(network)
    else:
        from residual.models import zoo

        zoo.find_spec(network)
    api(out)
    from residual.inspection import print_summary, summarize

    summary = summarize(network, image_size=image_size, classes=classes)
    if as_json:
        print_json(summary.to_dict())
    else:
        print_summary(summary, out)
    if plot:
        summary.plot(plot)
        if not as_json:
            print_line(out, f"drawn in {plot}")
