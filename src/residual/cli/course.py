"""residual check, convert."""

import typer


def add_to(app: typer.Typer) -> None:
    """Register the verbs of this room."""
