"""residual bench: every export of a run that this machine can run, side by side."""

import typer

from residual.cli._shared import JSON, check_trained, complete_run, console, print_json

EXAMPLE = "residual bench first-try"


def run(
    name: str = typer.Argument(
        ..., metavar="RUN", help="Name or folder of a run.", autocompletion=complete_run
    ),
    max_loss: float = typer.Option(
        0.5, "--max-loss", metavar="POINTS", min=0, max=100, help="Accuracy that bf16 and int8 may lose."
    ),
    as_json: bool = JSON,
):
    """Compare all exports of a run: size, accuracy on the validation images, agreement, speed on this machine.

    Every format and precision is written to a temporary folder, opened again in its own runtime and compared with the
    network. The speeds are measured in turns.
    """
    out = console(for_json=as_json)
    check_trained(name)
    from residual import backend
    from residual._console import show_work

    with show_work(out, "loading Keras"):
        backend.import_keras_quietly()
        from residual._verbs.bench import bench_run
    with show_work(out, "exporting") as report:
        found = bench_run(name, max_loss=max_loss, report=report)
    if as_json:
        print_json(found.to_dict())
    else:
        from residual.exporters.bench_text import print_bench

        if not out.is_terminal:
            out.width = 100  # a pipe has no width of its own
        print_bench(found, out)
