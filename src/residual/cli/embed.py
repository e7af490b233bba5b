"""residual embed: the features of images, and which images are near others."""

from pathlib import Path

import typer

from residual.backend.devices import check_device
from residual.cli._shared import DEVICE, JSON, api, complete_run, console, print_json, print_line
from residual.errors import ResidualError

EXAMPLE = "residual embed first-try photos/ --out features.npz --nearest photo.jpg"


def run(
    weights: str = typer.Argument(
        ...,
        metavar="RUN_OR_WEIGHTS",
        help="Name or folder of a run, or a .keras file.",
        autocompletion=complete_run,
    ),
    images: list[str] = typer.Argument(..., metavar="FOLDER...", help="Folders, image files or patterns."),
    out: Path = typer.Option(None, metavar="FILE", help="A .npz for names, features and labels."),
    nearest: list[str] = typer.Option(
        None, metavar="IMAGE", help="Find the images that are nearest to this one; may be repeated."
    ),
    most: int = typer.Option(5, metavar="N", min=1, help="How many nearest images."),
    image_size: int = typer.Option(
        None, "--size", metavar="PIXELS", min=1, help="Scale images to this size."
    ),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace the file of --out if it is there."),
    device: str = DEVICE,
    as_json: bool = JSON,
):
    """Compute the features of images: what the last layer of a trained network reads.

    The folders of one folder become labels. ONNX Runtime computes the features if it gives what Keras gives. They are
    kept in the user's cache folder, so that no image is computed twice. Exit code 1 if an image cannot be read; the
    others are done.
    """
    shown = console(for_json=as_json)
    if out is None and not nearest:
        raise ResidualError(
            "Give `out`, a .npz for the features, or `nearest`, an image to compare with, or both."
        )
    check_device(device)
    from residual._verbs.weights import check_weights

    check_weights(weights)
    if out is not None:
        from residual.embedding.embeddings import check_target

        check_target(out, overwrite)
    api(shown)
    from residual._console import show_work
    from residual._verbs.embed import embed

    with show_work(shown, "computing features"):
        found = embed(
            weights,
            images if len(images) > 1 else images[0],
            out,
            nearest=nearest or None,
            most=most,
            image_size=image_size,
            overwrite=overwrite,
            device=device,
        )
    features, near = found if isinstance(found, tuple) else (found, [])
    if as_json:
        names = [str(name) for name in nearest or ()]
        print_json(_to_table(features, out, names, near))
    else:
        _print(shown, features, out, near)
    if features.errors:
        raise typer.Exit(1)


def _to_table(features, out: Path | None, names: list[str], near: list) -> dict:
    from dataclasses import asdict

    n, width = features.features.shape
    return {
        "file": None if out is None else str(out),
        "images": n,
        "features": width,
        "weights": features.weights,
        "weights_sha256": features.weights_sha256,
        "image_size": list(features.image_size),
        "computed_by": features.computed_by,
        "labels": sorted(set(features.labels or ())),
        "errors": list(features.errors),
        "nearest": [[asdict(one) for one in row] for row in near],
    }


def _print(shown, features, out: Path | None, near: list) -> None:
    n, width = features.features.shape
    where = f" in {out}" if out is not None else ""
    print_line(shown, f"{width:,} features of each of {n:,} images{where}, by {features.computed_by}")
    for number, row in enumerate(near, 1):
        print_line(shown, f"nearest to image {number}:" if len(near) > 1 else "nearest:")
        for one in row:
            label = f"  {one.label}" if one.label else ""
            print_line(shown, f"  {one.similarity:.3f}{label}  {one.name}")
