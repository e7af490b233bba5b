"""residual convert: a network that another program wrote becomes a .keras file."""

from pathlib import Path

import typer

from residual.cli._shared import JSON, check_output, console, print_json, split_names
from residual.errors import RunError

EXAMPLE = "residual convert resnet50.h5 --raw-pixels"


def run(
    source: Path = typer.Argument(
        ...,
        metavar="OLD.h5",
        help="HDF5 model or weights of Keras 1, Keras 2 or TF 1, or weights of torchvision or timm "
        "(.pth, .safetensors, a folder of timm).",
    ),
    target: Path = typer.Option(None, "--output", help="The .keras file; by default beside the source."),
    raw_pixels: bool = typer.Option(
        False,
        "--raw-pixels",
        help="Make the network take raw 0-255 pixels, if its program divided them by 255.",
    ),
    image_size: int = typer.Option(
        None, "--size", min=1, help="Pixels a side, if the file holds weights alone."
    ),
    classes: str = typer.Option(None, metavar="A,B,...", help="Names of the outputs, in their order."),
    as_json: bool = JSON,
):
    """Turn an old HDF5 model, or weights of torchvision or timm, into a .keras file. Code in it is never run."""
    out = console(for_json=as_json)
    check_output(target, "--output", ".keras")
    _check_source(source)
    from residual import backend
    from residual._console import show_work

    with show_work(out, f"reading {source.name}"):
        backend.import_keras_quietly()
        from residual.importers import convert

        done = convert(
            source, target, raw_pixels=raw_pixels, image_size=image_size, classes=split_names(classes)
        )
    if as_json:
        print_json(done.to_dict())
    else:
        out.print(str(done), soft_wrap=True)


def _check_source(source: Path) -> None:
    """Refuse a file that is not there, before Keras is loaded."""
    if not source.exists():
        raise RunError(
            f"There is no file {source}. Name a model or weights, such as resnet50.h5 or resnet50.pth."
        )
