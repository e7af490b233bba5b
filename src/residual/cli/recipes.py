"""residual recipes: how networks are trained."""

from typing import TYPE_CHECKING

import typer

from residual.cli._shared import JSON, complete_recipe, console, print_json, print_line
from residual.errors import RecipeError

if TYPE_CHECKING:
    from residual._text_console import TextConsole
    from residual.training.recipe import Recipe

EXAMPLE = "residual recipes signs notebook-a"


def run(
    recipe: list[str] = typer.Argument(  # so called because messages name it
        None,
        metavar="RECIPE [RECIPE]",
        help="None lists all, one shows it whole, two are compared.",
        autocompletion=complete_recipe,
    ),
    as_json: bool = JSON,
):
    """List the recipes, show one as TOML, or show how two differ."""
    out = console(for_json=as_json)
    names = recipe or []
    if len(names) > 2:
        raise RecipeError(f"residual recipes takes at most two names; got {len(names)}.")
    from residual.training.find_recipe import load_recipe
    from residual.training.recipes import RECIPES

    chosen = [load_recipe(name) for name in names]
    if len(chosen) == 2:
        _print_differences(out, *chosen, as_json)
    elif as_json:
        tables = [entry.to_table() for entry in chosen or RECIPES.values()]
        print_json(tables[0] if chosen else tables)
    elif chosen:
        from residual._toml import format_toml

        out.print(format_toml(chosen[0].to_table()), end="", soft_wrap=True)
    else:
        for entry in RECIPES.values():
            _print_recipe(out, entry)


def _print_recipe(out: "TextConsole", entry: "Recipe") -> None:
    from residual._console import print_row

    print_line(out, entry.name, "bold")
    training = f"{entry.model}, {entry.epochs} epochs"
    for text in filter(None, (entry.about, training, entry.expected)):
        print_row(out, "", text, indent=4)


def _print_differences(out: "TextConsole", one: "Recipe", other: "Recipe", as_json: bool) -> None:
    from rich.table import Table

    from residual.evaluation.wording import value_in_words
    from residual.training.recipe import find_differences

    values = find_differences(one, other)
    tables = one.to_table(), other.to_table()
    if as_json:
        print_json({name: {table["name"]: table[name] for table in tables} for name in values})
        return
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in ("", one.name, other.name):
        table.add_column(heading, overflow="fold")
    for name in values:
        table.add_row(name, *(value_in_words(values[name]) for values in tables))
    out.print(table)
