"""residual study: see why, on networks of one's own."""

import shlex
import webbrowser
from pathlib import Path

import typer

from residual.backend.devices import check_device
from residual.cli._shared import (
    DEVICE,
    JSON,
    api,
    check_trained,
    complete_run,
    console,
    print_json,
    print_line,
)

EXAMPLE = "residual study vanishing --budget 5m"


def complete_study(incomplete: str) -> list[str]:
    """The names of the studies for the shell's completion."""
    from residual.studies import STUDIES

    return list(STUDIES)


def run(
    name: str = typer.Argument(
        None,
        metavar="[NAME]",
        help="Which study; all are listed if none is given.",
        autocompletion=complete_study,
    ),
    run_or_model: str = typer.Argument(
        None,
        metavar="[RUN_OR_MODEL]",
        help="A trained network, for a study that takes one.",
        autocompletion=complete_run,
    ),
    time_budget: str = typer.Option(
        "5m", "--budget", metavar="TIME", help="Time for the whole, such as 5m; sizes are chosen to fit."
    ),
    data: str = typer.Option(
        None, metavar="DATA", help="Name or path of images; cifar10 if it is found, else digits."
    ),
    seeds: int = typer.Option(
        3, metavar="N", help="Trainings of each network, as far as the time allows.", min=1, max=20
    ),
    out: Path = typer.Option(
        None, metavar="DIR", help="Folder of the results; a new one in studies/ if none is given."
    ),
    show: bool = typer.Option(False, "--open", help="Show the page in the browser."),
    device: str = DEVICE,
    as_json: bool = JSON,
):
    """Answer a question about residual learning with networks that are trained here and now: vanishing gradients,
    degradation, kinds of shortcuts, blocks that can be removed.

    Each study writes one page with its charts, tables and pictures, and ends with what was seen, in figures. The same
    command resumes a study that was interrupted.
    """
    out_console = console(for_json=as_json)
    if name is None:
        _list_studies(out_console, as_json)
        return
    check_device(device)
    from residual._verbs.study import check_study

    check_study(name, run_or_model, seeds)
    if run_or_model is not None:
        check_trained(run_or_model)
    if data is not None:
        from residual.data.load import check_address

        check_address(data)
    api(out_console)
    from residual._verbs.study import run_study

    options = {"--budget": time_budget, "--data": data, "--seeds": None if seeds == 3 else seeds}
    words = [word for option, value in options.items() if value is not None for word in (option, str(value))]
    command = shlex.join(["residual", "study", name, *([run_or_model] if run_or_model else []), *words])
    result = run_study(
        name,
        run_or_model,
        data=data,
        time_budget=time_budget,
        seeds=seeds,
        out=out,
        device=device,
        console=out_console,
        command=command,
    )
    if as_json:
        print_json(result.to_dict())
    else:
        print_line(out_console, "")
        for sentence in result.findings.closing:
            print_line(out_console, sentence)
        print_line(out_console, f"{result.page}")
    if show:
        webbrowser.open(result.page.resolve().as_uri())


def _list_studies(out, as_json: bool) -> None:
    from residual.studies import STUDIES

    if as_json:
        print_json([{"name": study.name, "question": study.question} for study in STUDIES.values()])
        return
    width = max(map(len, STUDIES), default=0)
    for study in STUDIES.values():
        print_line(out, f"{study.name:<{width}}  {study.question}")
