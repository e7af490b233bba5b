"""residual plan: which recipe, and how long, should reach an accuracy on this machine."""

import shlex
from typing import TYPE_CHECKING

import typer

from residual.cli._shared import (
    DEVICE,
    JSON,
    SEARCH_DIR,
    api,
    complete_recipe,
    console,
    print_json,
)
from residual.cli._training_options import BATCH_SIZE, DATA, IMAGE_SIZE, MODEL, SEED, VALIDATION_SPLIT

if TYPE_CHECKING:
    from residual._text_console import TextConsole
    from residual.training.plan import Plan

# Options that `residual train` has too.
_SHARED_OPTIONS = ("model", "batch_size", "image_size", "seed", "validation_split", "search_dir", "device")
EXAMPLE = "residual plan signs --target 95% --budget 2m"


def run(
    context: typer.Context,
    data: str = DATA,
    target: str = typer.Option(..., metavar="SHARE", help="The accuracy that is wanted, such as 95%."),
    probe_budget: str = typer.Option(
        "60s", "--budget", metavar="TIME", help="Time for the short trainings, such as 60s or 5m."
    ),
    model: str = MODEL,
    recipe: str = typer.Option(
        "default",
        metavar="NAME",
        help="Name or .toml file; the one that should be fastest if none is given.",
        autocompletion=complete_recipe,
    ),
    batch_size: int = BATCH_SIZE,
    image_size: int = IMAGE_SIZE,
    seed: int = SEED,
    validation_split: float = VALIDATION_SPLIT,
    search_dir: str = SEARCH_DIR,
    device: str = DEVICE,
    as_json: bool = JSON,
):
    """Say which recipe, and how long a training, should reach an accuracy here.

    Three short trainings and what recipes reached before are what it is based on. No run is made, and the test images
    are not read. The exit code is 1 if the target is beyond what can be predicted.
    """
    shown = console(for_json=as_json)
    from residual._verbs.plan import check_plan, plan_training
    from residual.training.options import TrainOptions

    options = TrainOptions.pick(context.params)
    check_plan(options, target, probe_budget)
    api(shown)
    found = plan_training(options, shown, target, probe_budget, device)
    if as_json:
        print_json(found.to_dict())
    else:
        _print(shown, found, _format_command(context, found))
    if found.epochs is None:
        raise typer.Exit(1)


def _format_command(context: typer.Context, found: "Plan") -> str:
    """The training that was planned, but for its length."""
    given = context.params
    recipe = found.recipe if given["recipe"] == "default" else given["recipe"]
    options = {parameter.name: parameter.opts[-1] for parameter in context.command.params}
    asked = [name for name in _SHARED_OPTIONS if context.get_parameter_source(name).name == "COMMANDLINE"]
    more = [word for name in asked for word in (options[name], str(given[name]))]
    return shlex.join(["residual", "train", given["data"], "--recipe", recipe, *more])


def _print(out: "TextConsole", found: "Plan", command: str) -> None:
    """Print a plan.

    Args:
        out: where to.
        found: the plan.
        command: what trains so, without the number of epochs.
    """
    from residual._console import print_row
    from residual.training.plan import format_epochs

    rows = [("based on", _describe_basis(found))]
    expected = found.prediction
    ranged = f"{expected.likely:.1%} (nine of ten: {expected.low:.1%} to {expected.high:.1%})"
    if found.epochs is None:
        rows.append(("target", f"{found.reason}. Predicted after {format_epochs(found.longest)}: {ranged}"))
        longer = "a longer --budget, " if found.measured is None else ""
        rows.append(("next", f"{longer}another --recipe or --model, or more images"))
    else:
        rows.append(("likely", _describe_length(found.recipe, found.epochs, found.seconds)))
        rows.append(("", f"accuracy {ranged}"))
        safe = "no length in sight"
        if found.safe_epochs is not None:
            safe = _describe_length(found.recipe, found.safe_epochs, found.safe_seconds)
        rows.append(("safe", f"{safe}, for {found.target:.1%} in nine of ten cases"))
        epochs = found.safe_epochs or found.epochs
        rows.append(("next", f"{command} --epochs {epochs}"))
    for label, text in rows:
        print_row(out, label, text, indent=11, style="bold" if label in ("likely", "target") else None)


def _describe_length(recipe: str, epochs: int, seconds: float | None) -> str:
    from residual._text import format_duration
    from residual.training.plan import format_epochs

    return f"{recipe} in {format_epochs(epochs)}, {format_duration(seconds or 0)} on this machine"


def _describe_basis(found: "Plan") -> str:
    from residual.training.plan import format_epochs

    longest = max(point.epochs for point in found.points)
    text = f"{len(found.points)} trainings of up to {format_epochs(longest)}"
    text += f", {found.points[0].images:,} validation images"
    if found.measured is None:
        return f"{text}; nobody measured this recipe on this data before"
    known = found.measured
    return f"{text}; {known.accuracy:.1%} of {known.images:,} test images, measured with {format_epochs(known.epochs)}"
