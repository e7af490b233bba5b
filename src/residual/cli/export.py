"""residual export: a trained network as a file that other programs run."""

from pathlib import Path

import typer

from residual.cli._shared import (
    CLASSES,
    JSON,
    PIXELS,
    RUN_OR_MODEL,
    api,
    check_trained,
    console,
    print_json,
    print_line,
    split_names,
)

EXAMPLE = "residual export first-try --to openvino --precision int8"


def run(
    run_or_model: str = RUN_OR_MODEL,
    to: str = typer.Option(
        "onnx", "--to", metavar="FORMAT", help="onnx, openvino, litert, keras or savedmodel."
    ),
    precision: str = typer.Option(
        "fp32", metavar="WORD", help="fp32, bf16 (openvino), or int8 (onnx, openvino)."
    ),
    out: Path = typer.Option(
        None, "--out", metavar="FOLDER", help="Where to write; by default the folder exports of the run."
    ),
    max_loss: float = typer.Option(
        0.5, "--max-loss", metavar="POINTS", min=0, max=100, help="Accuracy that bf16 and int8 may lose."
    ),
    certify: bool = typer.Option(
        True, "--certify/--no-certify", help="Compare the file with the network on the validation images."
    ),
    classes: str = CLASSES,
    pixels: str = PIXELS,
    as_json: bool = JSON,
):
    """Write a trained network as a file that other programs run: raw RGB pixels in, probabilities out.

    Class names and the way to scale images are in the file. Beside it lie its model card, a certificate that compares
    it with the network on the validation images, and for ONNX two short programs that use it. A file that answers
    otherwise than the network is removed. Nothing is overwritten.
    """
    out_console = console(for_json=as_json)
    from residual._verbs.export import check_export

    check_export(to, precision)
    check_trained(run_or_model)
    toolkit = api(out_console)
    from residual._console import show_work

    with show_work(out_console, f"exporting to {to}"):
        exported = toolkit.export(
            run_or_model,
            to,
            precision,
            out,
            max_loss=max_loss,
            certify=certify,
            classes=split_names(classes),
            pixels=pixels,
        )
    if as_json:
        print_json(exported.to_dict())
        return
    print_line(out_console, str(exported))
    if exported.certificate:
        from residual.exporters.certificate_text import print_certificate

        print_certificate(exported.certificate, out_console)
