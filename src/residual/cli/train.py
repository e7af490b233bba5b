"""residual train: from a name or a folder to a trained and evaluated network."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer
from msgspec.structs import replace

from residual.backend.cluster import Cluster
from residual.backend.devices import check_device
from residual.cli._repeat import make_format_command
from residual.cli._shared import (
    DEVICE,
    JSON,
    SEARCH_DIR,
    api,
    complete_run,
    console,
    name_options,
    print_json,
)
from residual.cli._training_options import BATCH_SIZE, DATA, IMAGE_SIZE, MODEL, RECIPE, SEED, VALIDATION_SPLIT
from residual.errors import RecipeError, RunError

if TYPE_CHECKING:
    from residual._run import Run
    from residual._text_console import TextConsole
    from residual.evaluation.metrics import Scores
    from residual.reporting.live import LivePage
    from residual.training.options import TrainOptions
    from residual.training.recipe import Recipe

# What may be given beside --resume: where to compute, and what to show.
_WITH_RESUME = frozenset({"resume", "quiet", "as_json", "live", "live_port"}) | {
    "device",
    "devices",
    "coordinator",
    "processes",
    "process_id",
}
EXAMPLE = "residual train signs --epochs 5 --name first-try"


def run(
    context: typer.Context,
    data: str = DATA,
    resume: str = typer.Option(
        None, metavar="RUN", help="Finish an interrupted run, as it began.", autocompletion=complete_run
    ),
    model: str = MODEL,
    recipe: str = RECIPE,
    weights: str = typer.Option(
        None,
        metavar="RUN_OR_FILE",
        help="Begin with trained weights: a run or a .keras file. The recipe is finetune, or linear-probe.",
        autocompletion=complete_run,
    ),
    freeze: str = typer.Option(
        None, metavar="PART", help="Keep trained weights: none, body, or up to a part such as stage2."
    ),
    changes: list[str] = typer.Option(
        None,
        "--set",
        metavar="KEY=VALUE",
        help="Change a value of the recipe, such as schedule.peak=0.01; may be repeated.",
    ),
    epochs: int = typer.Option(None, metavar="N", min=1, help="Passes over the training images."),
    batch_size: int = BATCH_SIZE,
    image_size: int = IMAGE_SIZE,
    seed: int = SEED,
    validation_split: float = VALIDATION_SPLIT,
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
    engine: bool = typer.Option(
        True,
        "--engine/--no-engine",
        help="Write engine.onnx at the end, so that predict does not load Keras.",
    ),
    report: bool = typer.Option(
        True, "--report/--no-report", help="Write report.html at the end, a page of the run."
    ),
    live: bool = typer.Option(
        False, "--live", help="Show the curves in a browser on this machine meanwhile."
    ),
    live_port: int = typer.Option(
        None, metavar="PORT", min=1, max=65535, help="Port of that page; a free one if none is given."
    ),
    seeds: int = typer.Option(
        None, metavar="N", min=2, help="Train N runs, NAME-seed1 to NAME-seedN: mean, spread and interval."
    ),
    folds: int = typer.Option(
        None, metavar="N", min=2, help="Train N runs, each with another Nth of the images for validation."
    ),
    name: str = typer.Option(None, metavar="NAME", help="Name of the run: runs/NAME."),
    search_dir: str = SEARCH_DIR,
    device: str = DEVICE,
    devices: str = typer.Option(
        None, metavar="N", help="Train on several devices of this machine, on JAX: how many, or all."
    ),
    coordinator: str = typer.Option(
        None, metavar="HOST:PORT", help="Of several processes: where they meet, on the machine of process 0."
    ),
    processes: int = typer.Option(None, metavar="N", help="How many processes train together."),
    process_id: int = typer.Option(None, metavar="I", help="Which of them this one is, from 0."),
    quiet: bool = typer.Option(False, "--quiet", "-q", help="Print the outcome alone."),
    as_json: bool = JSON,
):
    """Train a network and evaluate it on test images.

    DATA is digits, signs, cifar10, or a path: a folder of class folders or a zip of it, a .csv, .tsv or .jsonl of
    paths and labels, HDF5, .npz, Parquet, CIFAR-10 as it is downloaded; or hf://owner/name. Options of the data
    follow ::, as in data.h5::images=x,labels=y or all.csv::label=species,group=person.

    Validation images are taken from the training images; the test images are read once, at the end.
    """
    out = console(for_json=as_json)
    shown = console(for_json=as_json, quiet=quiet)
    from residual._console import show_work
    from residual._verbs.live import open_live

    follows = _read_cluster(context.params).follows  # it shows nothing: process 0 does
    with open_live(live and not follows, None if follows else live_port) as page:
        if seeds is not None or folds is not None:
            _train_series(context, shown, out, page)
            return
        trained = _train_anew(context, shown, page) if resume is None else _resume(context, shown, page)
        if trained is None:  # process 0 has the run
            return
        scores = None
        if not trained.report["interrupted"]:  # they are read once, when the training has finished
            with show_work(shown, "reading the test images"):
                scores = trained.evaluate()
    if as_json:
        print_json({"run": str(trained.path), **trained.report})
    else:
        print_outcome(out, trained, scores)


def _train_series(
    context: typer.Context, shown: "TextConsole", out: "TextConsole", page: "LivePage | None"
) -> None:
    """Train a series of runs and print its summary; a command that was interrupted continues it."""
    from residual._verbs.series import choose_kind, train_series

    given = context.params
    cluster = _read_cluster(given)
    if given["resume"] is not None:
        raise RunError(
            "`resume` finishes one run as it began. To continue a series, give the same command with its `name`."
        )
    kind, count = choose_kind(given["seeds"], given["folds"])
    options = _read_options(given, None)
    api(shown)
    series = train_series(
        options,
        name=given["name"],
        kind=kind,
        count=count,
        console=shown,
        device=given["device"],
        cluster=cluster,
        format_command=make_format_command(context),
        live=page,
    )
    if given["as_json"]:
        from msgspec import to_builtins

        print_json(to_builtins(series.record))
        return
    from residual.evaluation.series_text import print_series

    out.print()
    print_series(series.record, out)
    if series.stopped:
        out.print(
            f"Stopped. The same command with --name {series.record.name} continues the series.",
            soft_wrap=True,
        )


def _read_cluster(given: Mapping[str, Any]) -> Cluster:
    """The devices and processes that were asked for, checked before Keras is loaded."""
    check_device(given["device"])
    names = ("devices", "coordinator", "processes", "process_id")
    cluster = Cluster.read(**{name: given[name] for name in names})
    cluster.check(given["device"])
    return cluster


def _read_options(given: Mapping[str, Any], name: str | None) -> "TrainOptions":
    """What was asked, checked before Keras is loaded."""
    from residual._verbs.training import check_request
    from residual.training.options import TrainOptions

    options = TrainOptions.pick(given)
    check_request(options, name, "auto")
    if given["changes"]:
        options = replace(options, recipe=_change_recipe(options, given["changes"]))
    return options


def _train_anew(context: typer.Context, shown: "TextConsole", page: "LivePage | None") -> "Run | None":
    """Train what the options ask for, or continue it if it was interrupted under the same name."""
    given = context.params
    cluster = _read_cluster(given)
    options = _read_options(given, given["name"])
    toolkit = api(shown)
    return toolkit.train_run(
        options,
        name=given["name"],
        resume="auto",
        console=shown,
        device=given["device"],
        cluster=cluster,
        format_command=make_format_command(context),
        live=page,
    )


def _resume(context: typer.Context, shown: "TextConsole", page: "LivePage | None") -> "Run | None":
    """Finish an interrupted run as it began."""
    from residual.runs.find import find_run

    run, device = context.params["resume"], context.params["device"]
    _refuse_others(context, run)
    cluster = _read_cluster(context.params)
    find_run(run)
    return api(shown).resume_run(
        run,
        console=shown,
        device=device,
        cluster=cluster,
        format_command=make_format_command(context),
        live=page,
    )


def _refuse_others(context: typer.Context, run: str) -> None:
    """RunError for options beside --resume: a run is finished as it began."""
    given = [
        name
        for name in context.params
        if name not in _WITH_RESUME and context.get_parameter_source(name).name == "COMMANDLINE"
    ]
    if given:
        named = ", ".join(name_options(f"`{name}`") for name in given)
        raise RunError(f"`resume` finishes {run} as it began: leave out {named}, or start a new run.")


def _change_recipe(options: "TrainOptions", changes: list[str]) -> "Recipe":
    """The recipe that training would take, with the values of --set."""
    from residual.data.load import open_source
    from residual.models import zoo
    from residual.training.find_recipe import load_recipe
    from residual.training.recipe import Recipe
    from residual.training.recipe_values import change_table, parse_values

    values = parse_values(changes)
    _refuse_contradictions(options, values)
    named = options.recipe in ("default", "notebook")
    data = open_source(options.data, options.search_dir).name if named else None
    changed = Recipe.from_table(change_table(load_recipe(options.recipe, data).to_table(), values))
    zoo.resolve_spec(changed.model)
    return changed


def _refuse_contradictions(options: "TrainOptions", values: dict) -> None:
    """RecipeError if --set and an option of its own say the same in two ways."""
    for name in ("epochs", "batch_size", "model", "time_budget"):
        changed = "epochs" if name == "time_budget" else name
        asked = getattr(options, name)
        if asked is not None and changed in values and values[changed] != asked:
            raise RecipeError(
                f"`changes` {changed}={values[changed]} and `{name}` {asked} contradict each other: give one of them."
            )


def print_outcome(out: "TextConsole", trained: "Run", scores: "Scores | None") -> None:
    """Print what came of a run: validation and test accuracy, the folder, what to type next.

    Args:
        out: where to print.
        trained: the run.
        scores: on the test images; None if the training was stopped, so that they have not been read.
    """
    from residual._console import print_row
    from residual._text import format_duration
    from residual.evaluation.wording import headline, leaks

    report, path = trained.report, trained.path
    validation, kept = report["validation"], report["kept_epoch"]
    rows = [
        (
            "validation",
            f"accuracy {validation['accuracy']:.1%} of {validation['n']} images, with the weights of epoch {kept}",
        ),
        (
            "test",
            headline(scores) if scores else "not evaluated: the test images are read when it has finished",
        ),
    ]
    if scores and scores.leaked:
        rows.append(("leaks", leaks(scores)))
    if scores and scores.before_calibration:
        rows.append(("calibrated", _describe_calibration(scores)))
    if "accuracy_with_moving_statistics" in report.get("test", {}):
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
    ]
    verbs = ("train --resume",) if report["interrupted"] else ()
    commands = [f"residual {verb} {path.name}" for verb in (*verbs, "evaluate")]
    rows += [("next", commands[0]), *(("", command) for command in commands[1:])]
    rows.append(("", f"residual predict {path.name} IMAGE..."))
    if (path / "report.html").is_file():
        rows.append(("report", str(path / "report.html")))
    out.print()
    for label, text in rows:
        print_row(out, label, text, indent=11, style="bold" if label == "test" else None)


def _describe_calibration(scores: "Scores") -> str:
    from residual._text import format_percent

    before = scores.before_calibration
    error, was = (
        format_percent(value, scores.n) for value in (scores.calibration_error, before.calibration.error)
    )
    return (
        f"at temperature {before.temperature:.2f}: calibration error {error} instead of {was}, negative log-likelihood "
        f"{scores.nll:.4f} instead of {before.nll:.4f}"
    )


def _describe_moving(validation: dict, test: dict) -> str:
    return (
        "with the moving statistics instead of recomputed ones: validation "
        f"{validation['accuracy_with_moving_statistics']:.1%}, test {test['accuracy_with_moving_statistics']:.1%}"
    )


def _describe_skipped(count: int) -> str:
    return f"{count:,} image file{'s' * (count > 1)} that cannot be read, listed in report.json"
