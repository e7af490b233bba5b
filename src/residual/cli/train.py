"""residual train: from a name or a folder to a trained and judged network."""

from typing import TYPE_CHECKING, Any

import typer

from residual.cli._shared import (
    JSON,
    SEARCH_DIR,
    api,
    complete_model,
    complete_recipe,
    complete_run,
    console,
    name_options,
    print_json,
)
from residual.errors import DataError, RunError

if TYPE_CHECKING:
    from residual._text_console import TextConsole
    from residual.training.recipes import Recipe

EXAMPLE = "residual train signs --epochs 5 --name first-try"


def run(
    context: typer.Context,
    data: str = typer.Argument("digits", metavar="DATA", help="Name or path of the data."),
    resume: str = typer.Option(
        None, metavar="RUN", help="Finish an interrupted run, as it began.", autocompletion=complete_run
    ),
    model: str = typer.Option(
        None,
        metavar="NETWORK",
        help="Network; the recipe's own if none is given. See: residual list.",
        autocompletion=complete_model,
    ),
    recipe: str = typer.Option(
        "default",
        metavar="NAME",
        help="Name or .toml file. See: residual recipes.",
        autocompletion=complete_recipe,
    ),
    changes: list[str] = typer.Option(
        None,
        "--set",
        metavar="KEY=VALUE",
        help="Change a value of the recipe, such as schedule.peak=0.01; may be repeated.",
    ),
    epochs: int = typer.Option(None, metavar="N", min=1, help="Passes over the training images."),
    batch_size: int = typer.Option(None, metavar="N", min=1, help="Images per step."),
    image_size: int = typer.Option(
        None, "--size", metavar="PIXELS", min=1, help="Scale images to this many pixels a side."
    ),
    seed: int = typer.Option(
        0, metavar="N", min=0, max=2**32 - 1, help="Of weights, order, augmentation and validation split."
    ),
    validation_split: float = typer.Option(
        0.1, "--validation", metavar="SHARE", help="Share of the training images set aside for validation."
    ),
    precision: str = typer.Option(
        "auto", metavar="WORD", help="float32, bfloat16, or auto: the faster one here, measured."
    ),
    time_budget: str = typer.Option(
        None,
        "--budget",
        metavar="TIME",
        help="Time for everything, such as 90s, 10m or 1h30m: chooses the epochs.",
    ),
    class_balance: str = typer.Option(
        None, "--balance", metavar="WORD", help="For unequal classes: sample, or weights (in the loss)."
    ),
    max_unreadable: float = typer.Option(
        0.05,
        "--unreadable",
        metavar="SHARE",
        help="Share of image files that may be damaged; they are skipped.",
    ),
    name: str = typer.Option(None, metavar="NAME", help="Name of the run: runs/NAME."),
    search_dir: str = SEARCH_DIR,
    quiet: bool = typer.Option(False, "--quiet", "-q", help="Print the outcome alone."),
    as_json: bool = JSON,
):
    """Train a network and judge it on test images.

    DATA is digits, signs, cifar10, or a path: a folder of class folders or a zip of it, a .csv, .tsv or .jsonl of
    paths and labels, HDF5, .npz, Parquet, CIFAR-10 as it is downloaded; or hf://owner/name. Options of the data
    follow ::, as in data.h5::images=x,labels=y or all.csv::label=species,group=person.

    Validation images are taken from the training images; the test images are read once, at the end.
    """
    out = console(for_json=as_json)
    shown = console(for_json=as_json, quiet=quiet)
    if resume is not None:
        _refuse_others(context, resume)
        _check_resumable(resume)
        trained = api(shown).resume(resume, console=shown)
    else:
        options = {
            "model": model,
            "recipe": recipe,
            "epochs": epochs,
            "batch_size": batch_size,
            "image_size": image_size,
            "seed": seed,
            "validation_split": validation_split,
            "precision": precision,
            "time_budget": time_budget,
            "class_balance": class_balance,
            "max_unreadable": max_unreadable,
            "search_dir": search_dir,
        }
        _check_options(data, name, options)
        if changes:
            options["recipe"] = _change_recipe(recipe, data, search_dir, changes)
        trained = api(shown).train(data, name=name, console=shown, **options)
    from residual._console import show_work

    with show_work(shown, "judging the test images"):
        scores = trained.evaluate()
    if as_json:
        print_json({"run": str(trained.folder.path), **trained.report})
    else:
        print_outcome(out, trained, scores)


def _refuse_others(context: typer.Context, run: str) -> None:
    """RunError for options beside --resume: a run is finished as it began."""
    given = [
        name
        for name in context.params
        if name not in ("resume", "quiet", "as_json")
        and context.get_parameter_source(name).name == "COMMANDLINE"
    ]
    if given:
        named = ", ".join(name_options(f"`{name}`") for name in given)
        raise RunError(f"`resume` finishes {run} as it began: leave out {named}, or start a new run.")


def _check_resumable(run: str) -> None:
    from residual.training.runs import find_run

    find_run(run)


def _check_options(data: str, name: str | None, options: dict[str, Any]) -> None:
    """Refuse what is wrong in itself, without reading the data and without Keras."""
    from residual import zoo
    from residual._text import parse_duration
    from residual.backend.precision import check_precision
    from residual.data.balance import checked_way
    from residual.data.load import check_address
    from residual.training.recipes import recipe
    from residual.training.runs import check_name

    check_name(name)
    check_precision(options["precision"])
    if not 0 < options["validation_split"] < 1:
        raise DataError(
            f"validation_split must lie between 0 and 1, as 0.1 does; got {options['validation_split']}."
        )
    if not 0 <= options["max_unreadable"] < 1:
        raise DataError(f"max_unreadable must be a share from 0 to below 1; got {options['max_unreadable']}.")
    checked_way(options["class_balance"])
    if options["time_budget"] is not None:
        if options["epochs"] is not None:
            raise RunError("`epochs` and `time_budget` both say how long to train: give one of them.")
        parse_duration("time_budget", options["time_budget"])
    chosen = recipe(options["recipe"])
    zoo.as_spec(options["model"] or chosen.model)
    check_address(data, options["search_dir"])


def _change_recipe(recipe: str, data: str, search_dir: str | None, changes: list[str]) -> "Recipe":
    """The recipe that training would take, with the values of --set."""
    from residual import zoo
    from residual.data.load import open_source
    from residual.training.recipe_values import change_table, parse_values
    from residual.training.recipes import Recipe
    from residual.training.recipes import recipe as find_recipe

    values = parse_values(changes)
    named = open_source(data, search_dir).name if recipe in ("default", "notebook") else ""
    changed = Recipe.from_table(change_table(find_recipe(recipe, named).to_table(), values))
    zoo.as_spec(changed.model)
    return changed


def print_outcome(out: "TextConsole", trained, scores) -> None:
    """Print what came of a run: validation and test accuracy, the folder, what to type next."""
    from residual._console import print_row
    from residual._text import format_duration
    from residual.evaluation.report import headline, leaks

    report, path = trained.report, trained.folder.path
    validation, kept = report["validation"], report["kept_epoch"]
    why = "which chose" if trained.folder.asked["recipe"]["keep"] == "best" else "at the last,"
    rows = [
        (
            "validation",
            f"accuracy {validation['accuracy']:.1%} of {validation['n']} images, {why} epoch {kept}",
        ),
        ("test", headline(scores)),
    ]
    if scores.leaked:
        rows.append(("leaks", leaks(scores)))
    if "accuracy_with_moving_statistics" in report["test"]:
        rows.append(("batch norm", _describe_moving(validation, report["test"])))
    if report.get("unreadable"):
        rows.append(("skipped", _describe_skipped(len(report["unreadable"]))))
    if report["interrupted"]:
        rows.append(("stopped", f"after {report['epochs']:g} of {report['epochs_asked']} epochs"))
    rows += [
        (
            "time",
            f"{format_duration(report['training_seconds'])}, {report['images_per_second']:,.0f} images/s, "
            f"{report['waiting_for_data']:.1%} spent waiting for images",
        ),
        ("run", str(path)),
        ("next", f"residual evaluate {path.name}"),
        ("", f"residual predict {path.name} IMAGE..."),
    ]
    if report["interrupted"]:
        rows.append(("", f"residual train --resume {path.name}"))
    out.print()
    for label, text in rows:
        print_row(out, label, text, indent=11, style="bold" if label == "test" else None)


def _describe_moving(validation: dict, test: dict) -> str:
    return (
        "with the moving statistics instead of recomputed ones: validation "
        f"{validation['accuracy_with_moving_statistics']:.1%}, test {test['accuracy_with_moving_statistics']:.1%}"
    )


def _describe_skipped(count: int) -> str:
    return f"{count:,} image file{'s' * (count > 1)} that cannot be read, listed in report.json"
