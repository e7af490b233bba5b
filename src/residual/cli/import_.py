"""residual import: trained weights of another library become a .keras file that predicts as they did there."""

from pathlib import Path

import typer

from residual.cli._shared import JSON, check_output, console, print_json, split_names
from residual.errors import RunError

EXAMPLE = "residual import torchvision/resnet50.v2"


def run(
    source: str = typer.Argument(
        ...,
        metavar="PATH_OR_NAME",
        help="File or folder of weights, or a name such as torchvision/resnet50.v2.",
    ),
    network: str = typer.Option(None, "--as", metavar="NAME", help="The network that it must hold."),
    target: Path = typer.Option(
        None, "--out", metavar="FILE", help="The .keras file; by default beside the source."
    ),
    image_size: int = typer.Option(
        None, "--size", min=1, help="Pixels a side, in place of what the weights are usually used with."
    ),
    raw_pixels: bool = typer.Option(
        False, "--raw-pixels", help="Divide pixels by 255 first, if nobody knows what the weights expect."
    ),
    classes: str = typer.Option(None, metavar="A,B,...", help="Names of the outputs, in their order."),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace FILE if it exists."),
    as_json: bool = JSON,
):
    """Turn trained weights of another library into a .keras file.

    The network is recognized, every array is assigned exactly once, and the file keeps how photos are scaled, cut and
    normalized, the names of the classes, and the licence: predict then gives the answer of the library.

    Weights can be state dicts of torchvision and timm, models of keras.applications, presets of keras-hub, ResNets of
    transformers, and ONNX files. A name is looked up in the folders of RESIDUAL_WEIGHTS, then downloaded by its library
    if that is installed. Nothing in a file is run.
    """
    out = console(for_json=as_json)
    check_output(target, "--out", ".keras")
    _check_source(source)
    from residual import backend
    from residual._console import show_work

    with show_work(out, f"reading {Path(source).name}"):
        backend.import_keras_quietly()
        from residual.importers import convert

        done = convert(
            source,
            target,
            raw_pixels=raw_pixels,
            image_size=image_size,
            classes=split_names(classes),
            overwrite=overwrite,
            network=network,
        )
    if as_json:
        print_json(done.to_dict())
    else:
        out.print(str(done), soft_wrap=True)


def _check_source(source: str) -> None:
    """Refuse a file that is not there, before Keras is loaded."""
    if not Path(source).expanduser().exists() and "/" not in source:
        raise RunError(
            f"There is no file or folder {source}. Name one, or published weights such as torchvision/resnet50.v2."
        )
