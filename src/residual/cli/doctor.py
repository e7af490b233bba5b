"""residual doctor: what is wrong with a run."""

import typer

from residual.backend.devices import check_device
from residual.cli._shared import DEVICE, JSON, api, complete_run, console, print_json

EXAMPLE = "residual doctor first-try"


def run(
    run_name: str = typer.Argument(
        ..., metavar="RUN", help="Name or folder of a run.", autocompletion=complete_run
    ),
    device: str = DEVICE,
    as_json: bool = JSON,
):
    """Find what is wrong with a run: a rate too high or too low, gradients that vanish or explode, dead ReLUs, stale
    batch norms, under- and overfitting, wrong labels.

    Each finding has its figures, the limit that they pass, and a command to try. The limits were measured on healthy
    runs and on runs that were made ill on purpose. Test images are not read.
    """
    out = console(for_json=as_json)
    check_device(device)
    from residual.runs.find import find_run

    find_run(run_name)
    api(out)
    from residual._console import show_work
    from residual._verbs.doctor import doctor
    from residual.diagnosis.diagnosis_text import print_diagnosis

    with show_work(out, "examining the run"):
        found = doctor(run_name, device)
    if as_json:
        print_json(found.to_dict())
    else:
        print_diagnosis(found, out)
