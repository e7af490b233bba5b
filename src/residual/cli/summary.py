"""residual summary, list, recipes."""

from pathlib import Path

import typer

from residual.cli._shared import JSON, api, console, print_json, verb
from residual.errors import RecipeError


def add_to(app: typer.Typer) -> None:
    """Register the verbs of this room."""
    app.command("summary", epilog="Example: residual summary resnet50 --input 224 --plot resnet50.png")(
        summary
    )
    app.command("list", epilog="Example: residual list")(list_networks)
    app.command("recipes", epilog="Example: residual recipes signs notebook-a")(show_recipes)


@verb
def summary(
    name: str = typer.Argument(..., help="Name of a network, or a .keras file. See: residual list."),
    size: int = typer.Option(
        None, "--input", min=1, help="Pixels a side; by default what the family is made for."
    ),
    classes: int = typer.Option(None, min=1, help="Classes; by default what the family is made for."),
    plot: Path = typer.Option(None, help="Draw the network with its shortcuts: a .png or .svg file."),
    as_json: bool = JSON,
):
    """Show a network: layers, shapes, parameters and multiply-adds, by stage."""
    out = console()
    toolkit = api()
    from residual import zoo
    from residual.insight import print_summary, save_plot, summarize

    if name.endswith(".keras"):
        model, _ = toolkit.open_model(name)
    else:
        usual_size, usual_classes = zoo.usual_input(zoo.spec(name))
        side = size or usual_size
        model = toolkit.build(name, (side, side, 3), classes or usual_classes)
    summary = summarize(model)
    if plot:
        save_plot(summary, plot)
    if as_json:
        print_json(summary.to_dict())
    else:
        print_summary(summary, out)
        if plot:
            out.print(f"drawn in {plot}", highlight=False, markup=False)


@verb
def list_networks(as_json: bool = JSON):
    """Show the families of networks, the depths they have and the suffixes for other shortcuts."""
    from residual.spec import SHORTCUTS
    from residual.zoo import FAMILIES

    rows = [
        {
            "name": family.pattern.format(d="{depth}", k="{width}"),
            "depths": family.rule,
            "examples": list(family.examples),
            "about": family.about,
        }
        for family in FAMILIES
    ]
    if as_json:
        print_json({"families": rows, "shortcuts": SHORTCUTS})
        return
    from rich.table import Table

    out = console()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("family", "depths", "what it is"):
        table.add_column(heading, no_wrap=heading != "what it is")
    for row in rows:
        table.add_row(row["name"], row["depths"], row["about"])
    out.print(table)
    out.print(f"\nFor example: {', '.join(row['examples'][-1] for row in rows)}", highlight=False)
    out.print("\nA suffix chooses other shortcuts, such as cifar-resnet56-plain:", highlight=False)
    for key, about in SHORTCUTS.items():
        suffix = "-plain" if key == "none" else f"-{key}"
        out.print(f"  {suffix:19} {about}", highlight=False, soft_wrap=True)


@verb
def show_recipes(
    names: list[str] = typer.Argument(None, help="None lists all, one shows it whole, two are compared."),
    as_json: bool = JSON,
):
    """List the recipes, show one as TOML, or show how two differ."""
    import tomli_w

    from residual.training.recipes import RECIPES, recipe

    chosen = [recipe(name) for name in names or ()]
    if len(chosen) > 2:
        raise RecipeError(f"residual recipes takes at most two names; got {len(chosen)}.")
    if len(chosen) == 2:
        return _print_differences(chosen[0], chosen[1], as_json)
    tables = [entry.to_table() for entry in chosen or RECIPES.values()]
    if as_json:
        return print_json(tables[0] if chosen else tables)
    if chosen:
        return print(tomli_w.dumps(tables[0]), end="")
    out = console()
    for entry in RECIPES.values():
        out.print(f"[bold]{entry.name:13}[/] {entry.about}", highlight=False, soft_wrap=True)
        out.print(
            f"{'':13} {entry.model}, {entry.epochs} epochs. {entry.expected}".rstrip(),
            highlight=False,
            soft_wrap=True,
        )
    return None


def _print_differences(one, other, as_json: bool) -> None:
    from residual.evaluation.wording import value_in_words
    from residual.training.recipes import differences

    values = differences(one, other)
    tables = one.to_table(), other.to_table()
    if as_json:
        return print_json({name: {t["name"]: t[name] for t in tables} for name in values})
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("", one.name, other.name):
        table.add_column(heading, overflow="fold")
    for name in values:
        table.add_row(name, *(value_in_words(t[name]) for t in tables))
    return console().print(table)
