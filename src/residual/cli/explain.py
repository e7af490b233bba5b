"""residual explain: where a network looks."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from residual.backend.devices import check_device
from residual.cli._shared import (
    CLASSES,
    DEVICE,
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
from residual.errors import ResidualError

if TYPE_CHECKING:
    from residual._text_console import TextConsole
    from residual.inspection.explaining import Explanation

EXAMPLE = "residual explain first-try photo.jpg --out explained"

_METHODS = ("gradcam", "integrated-gradients", "occlusion")
_ALIKE = 0.7  # a correlation with the control from which on a map says little


def run(
    run_or_model: str = RUN_OR_MODEL,
    images: list[str] = typer.Argument(..., metavar="IMAGE...", help="Image files, folders or patterns."),
    method: str = typer.Option("gradcam", metavar="WORD", help=f"{', '.join(_METHODS)}."),
    label: str = typer.Option(
        None, metavar="CLASS", help="Class that the maps are about; the most probable one if none is given."
    ),
    layer: str = typer.Option(None, metavar="NAME", help="Layer whose maps gradcam looks at."),
    out: Path = typer.Option(Path("explained"), metavar="DIR", help="Folder of the PNG files."),
    features: bool = typer.Option(
        False, "--features", help="Draw filters, maps of each stage and the nearest training images instead."
    ),
    classes: str = CLASSES,
    pixels: str = PIXELS,
    device: str = DEVICE,
    as_json: bool = JSON,
):
    """Draw where a network looks in images: a heat map over each, and beside it that of the same network with shuffled
    weights, which knows nothing. If both look alike, the map shows the image and not what was learned.

    The network may be a run or any .keras file of a functional or Sequential model. Nothing is overwritten. Exit code 1
    if an image cannot be read; the others are done.
    """
    out_console = console(for_json=as_json)
    if method not in _METHODS:
        raise ResidualError(f"method must be one of {', '.join(_METHODS)}; got {method}.")
    check_device(device)
    check_trained(run_or_model)
    api(out_console)
    from residual._console import show_work
    from residual._verbs import explain as explain_verb

    options = {"classes": split_names(classes), "pixels": pixels, "device": device}
    if features:
        from residual.evaluation.predict import find_images

        with show_work(out_console, "looking at the images"):
            files = explain_verb.save_features(run_or_model, images, out, **options)
        if as_json:
            print_json([{"file": str(file)} for file in files])
        else:
            print_line(out_console, f"{len(files)} picture{'s' * (len(files) > 1)} written to {out}")
        if len(files) < len(find_images(images)):  # a warning has named the others
            raise typer.Exit(1)
        return
    with show_work(out_console, "looking at the images"):
        found = explain_verb.explain(
            run_or_model, images, method, label=label, layer=layer, out=out, **options
        )
    if as_json:
        print_json(
            [{**one.to_dict(), "file": str(file)} for one, file in zip(found, found.files, strict=True)]
        )
    else:
        print_explanations(out_console, found, found.files)
    if found.errors:
        raise typer.Exit(1)


def print_explanations(out: "TextConsole", found: "list[Explanation]", files: list[Path]) -> None:
    """Print a line for each image: label, where the map is highest, and how much it is like its control.

    Args:
        out: where to print.
        found: the explanations.
        files: their pictures.
    """
    for one, file in zip(found, files, strict=True):
        x, y = one.peak
        print_line(
            out,
            f"{one.image}  {one.label}  {one.probability:.1%}  highest at {x:.0%} from the left, {y:.0%} from the top; "
            f"like its control: {one.control_correlation:.2f}  {file}",
        )
    if any(one.control_correlation > _ALIKE for one in found):
        print_line(
            out,
            f"A map that is like its control (above {_ALIKE}) shows edges of the image rather than what was learned.",
        )
