"""residual train, evaluate, predict."""

from pathlib import Path

import typer

import residual
from residual._text import format_duration, truncate_middle
from residual.cli.common import JSON, api, console, print_json, verb
from residual.errors import RunError

_TRAIN_HELP = """Train a network and judge it on test images.

DATA is digits, signs, cifar10, or a path: a folder of class folders or a zip of it, a .csv, .tsv or .jsonl of paths \
and labels, HDF5, .npz, Parquet, CIFAR-10 as it is downloaded; or hf://owner/name. What is not obvious is said behind \
::, as in data.h5::images=x,labels=y or all.csv::label=species,group=person.

Validation images are taken from the training images; the test images are read once, at the end."""


def add_to(app: typer.Typer) -> None:
    """Register the verbs of this room."""
    app.command(
        "train", help=_TRAIN_HELP, epilog="Example: residual train signs --epochs 5 --name first-try"
    )(train)
    app.command("evaluate", epilog="Example: residual evaluate first-try --json")(evaluate)
    app.command("predict", epilog="Example: residual predict first-try photo.jpg 'more/*.png'")(predict)


@verb
def train(
    context: typer.Context,
    data: str = typer.Argument("digits", help="Name or path of the data."),
    resume: str = typer.Option(
        None, metavar="RUN", help="Go on with an interrupted run, as it was asked for."
    ),
    model: str = typer.Option(None, help="Network; the recipe's own if not given. See: residual list."),
    recipe: str = typer.Option("default", help="Name or .toml file. See: residual recipes."),
    epochs: int = typer.Option(None, min=1, help="Passes over the training images."),
    batch_size: int = typer.Option(None, min=1, help="Images per step."),
    size: int = typer.Option(None, min=1, help="Scale images to this many pixels a side."),
    seed: int = typer.Option(
        0, min=0, max=2**32 - 1, help="Of weights, order, augmentation and validation split."
    ),
    validation: float = typer.Option(0.1, help="Share of the training images set aside for validation."),
    precision: str = typer.Option("auto", help="float32, bfloat16, or auto: the faster one here, measured."),
    budget: str = typer.Option(None, help="Time for the whole, as 90s, 10m or 2h: chooses the epochs."),
    balance: str = typer.Option(None, help="For unequal classes: sample, or weights (in the loss)."),
    unreadable: float = typer.Option(0.05, help="Share of image files that may be damaged; skipped."),
    name: str = typer.Option(None, help="Name of the run: runs/NAME."),
    root: str = typer.Option(
        None, "--data", metavar="FOLDER", help="Folder to search for signs and cifar10."
    ),
    as_json: bool = JSON,
):
    out = console(for_json=as_json)
    if resume is not None:
        _refuse_others(context, resume)
        run = api().resume_run(resume, console=out)
    else:
        from residual.training.options import TrainOptions

        options = TrainOptions(
            data=data,
            model=model,
            recipe=recipe,
            epochs=epochs,
            batch_size=batch_size,
            image_size=size,
            seed=seed,
            validation_split=validation,
            precision=precision,
            time_budget=budget,
            class_balance=balance,
            max_unreadable=unreadable,
            search_dir=root,
        )
        run = api().train_run(options, name=name, resume="auto", console=out)
    scores = run.evaluate()
    if as_json:
        print_json({"run": str(run.path), **run.report})
    else:
        print_outcome(out, run, scores)


def _refuse_others(context: typer.Context, run: str) -> None:
    """A run that goes on takes no other arguments: it was asked for when it began."""
    given = [
        name
        for name in context.params
        if name not in ("resume", "as_json") and context.get_parameter_source(name).name == "COMMANDLINE"
    ]
    if given:
        raise RunError(
            f"--resume goes on with {run} as it was asked for: leave {', '.join(given)} out, or start a new run."
        )


def print_outcome(out, run, scores) -> None:
    """What came of a run: validation and test accuracy, the folder, what to type next."""
    from residual.evaluation.wording import headline, leaks

    report = run.report
    validation, kept = report["validation"], report["kept_epoch"]
    why = "which chose" if run.folder.record.recipe["keep"] == "best" else "at the last,"
    out.print()
    lines = [
        (
            "validation",
            f"accuracy {validation['accuracy']:.1%} of {validation['n']} images, {why} epoch {kept}",
        ),
        ("test", headline(scores)),
    ]
    if scores.leaked:
        lines.append(("leaks", leaks(scores)))
    if "accuracy_with_moving_statistics" in report["test"]:
        lines.append(
            (
                "batch norm",
                "with the moving statistics instead of recomputed ones: validation "
                f"{validation['accuracy_with_moving_statistics']:.1%}, "
                f"test {report['test']['accuracy_with_moving_statistics']:.1%}",
            )
        )
    if report.get("unreadable"):
        count = len(report["unreadable"])
        told = f"{count:,} image file{'s' * (count > 1)} that cannot be read, listed in report.json"
        lines.append(("skipped", told))
    path = run.path
    if report["interrupted"]:
        lines.append(("stopped", f"after {report['epochs']:g} of {report['epochs_asked']} epochs"))
    lines += [
        (
            "time",
            f"{format_duration(report['training_seconds'])}, {report['images_per_second']:,.0f} images/s, "
            f"{report['waiting_for_data']:.1%} spent waiting for images",
        ),
        ("run", f"{path}"),
        ("next", f"residual evaluate {path.name}"),
        ("", f"residual predict {path.name} IMAGE..."),
    ]
    if report["interrupted"]:
        lines.append(("", f"residual train --resume {path.name}"))
    for label, text in lines:
        style = "bold" if label == "test" else None
        out.print(f"{label:11}{text}", style=style, highlight=False, soft_wrap=True, markup=False)


@verb
def evaluate(
    run: str = typer.Argument(..., metavar="RUN_OR_MODEL", help="Name or folder of a run, or a .keras file."),
    data: str = typer.Option(None, help="Name or path of other data than the run's own."),
    png: Path = typer.Option(None, help="Where to draw the confusion matrix; a run keeps its own."),
    as_json: bool = JSON,
):
    """Judge a network on test images: accuracy with its interval, per class, calibration, confusion matrix."""
    out = console()
    if png and png.suffix.lower() != ".png":
        raise RunError(f"--png must name a .png file; got {png}.")
    toolkit = api()
    scores = toolkit.evaluate(run, data)
    from residual.evaluation.figures import save_confusion_png
    from residual.evaluation.report import print_scores

    drawn = png
    if png:
        save_confusion_png(scores, png)
    elif data is None:
        drawn = residual.open_run(run).path / "confusion.png"
    if as_json:
        print_json({"run": run, "data": data, **scores.to_dict()})
        return
    print_scores(scores, out, title=f"{run} on {data or 'its own test images'}")
    if drawn:
        out.print(f"confusion matrix drawn in {drawn}", highlight=False, soft_wrap=True, markup=False)


@verb
def predict(
    run: str = typer.Argument(..., metavar="RUN_OR_MODEL", help="Name or folder of a run, or a .keras file."),
    images: list[str] = typer.Argument(..., metavar="IMAGE...", help="Image files, folders or patterns."),
    as_json: bool = JSON,
):
    """Say what is on images: the label of each and its probability."""
    out = console()
    predictions = api().predict(run, images)
    if as_json:
        print_json([prediction.to_dict() for prediction in predictions])
    else:
        print_predictions(out, predictions)
    if any(prediction.error for prediction in predictions):
        raise typer.Exit(2)


def print_predictions(out, predictions) -> None:
    """One line per image: file, label, probability, and the next two labels."""
    width = min(max((len(p.image) for p in predictions), default=0), 48)
    for p in predictions:
        image = truncate_middle(p.image, width)
        if p.error:
            line = p.error  # names the file itself
        else:
            ranked = sorted(p.probabilities.items(), key=lambda pair: -pair[1])
            others = ", ".join(f"{name} {share:.1%}" for name, share in ranked[1:3])
            line = f"{image:{width}}  {p.label}  {p.probability:.1%}  (then {others})"
        out.print(line, highlight=False, soft_wrap=True, markup=False)
