"""Options that every verb that trains takes."""

import typer

from residual.cli._shared import complete_model, complete_recipe

DATA = typer.Argument("digits", metavar="DATA", help="Name or path of the data.")
MODEL = typer.Option(
    None,
    "--model",
    metavar="NETWORK",
    help="Network; the recipe's own if none is given. See: residual list.",
    autocompletion=complete_model,
)
RECIPE = typer.Option(
    "default",
    "--recipe",
    metavar="NAME",
    help="Name or .toml file. See: residual recipes.",
    autocompletion=complete_recipe,
)
BATCH_SIZE = typer.Option(None, "--batch-size", metavar="N", min=1, help="Images per step.")
IMAGE_SIZE = typer.Option(
    None, "--size", metavar="PIXELS", min=1, help="Scale images to this many pixels a side."
)
SEED = typer.Option(
    0,
    "--seed",
    metavar="N",
    min=0,
    max=2**32 - 1,
    help="Of weights, order, augmentation and validation split.",
)
VALIDATION_SPLIT = typer.Option(
    0.1, "--validation", metavar="SHARE", help="Share of the training images set aside for validation."
)
