"""The learning rate for some data, a network and a recipe, from Python: find_rate."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from residual._console import default_console, show_work
from residual._verbs.training import check_request, make_asked_job
from residual.backend import import_keras_quietly
from residual.backend.devices import AUTO, check_device, use_device
from residual.errors import RunError
from residual.training.options import TrainOptions

if TYPE_CHECKING:
    from residual._text_console import TextConsole
    from residual.training.rate_test import RateTest

STEPS, LOWEST, HIGHEST = 100, 1e-6, 10.0


def find_rate(
    data: Any = "digits",
    *,
    steps: int = STEPS,
    lowest: float = LOWEST,
    highest: float = HIGHEST,
    plot: str | Path | None = None,
    device: str = AUTO,
    progress: bool = True,
    **options: Any,
) -> "RateTest":
    """Try learning rates on the training images of some data: the loss while the rate rises from step to step.

    The network is thrown away; no run is made, and neither validation nor test images are used.

    Args:
        data: as `train` takes it.
        steps: how many steps, each at a higher rate.
        lowest, highest: the first rate and the last one; the test ends before it if the loss rises.
        plot: a .png or .svg file for the curve; None draws none.
        device, progress: as `train` takes them.
        options: the other arguments of `train` on what is trained and how: model, weights, recipe, batch_size, ...

    Returns:
        The curve, and `suggested`, a rate for the highest one of a schedule; None if the loss did not fall.

    Raises:
        DataError, NetworkError, RecipeError: as for `train`.
        RunError: if the plot is there already.
    """
    asked = TrainOptions(data=data, **options)
    console = default_console(stderr=True, quiet=not progress)
    return measure_rates(asked, console, steps, lowest, highest, None if plot is None else Path(plot), device)


def measure_rates(
    options: TrainOptions,
    console: "TextConsole",
    steps: int,
    lowest: float,
    highest: float,
    plot: Path | None,
    device: str,
) -> "RateTest":
    """As `find_rate`, for options that are checked already.

    Raises:
        DataError, NetworkError, RecipeError, RunError: as for `find_rate`.
    """
    check_request(options, None, "never")
    check_device(device)
    check_plot(plot)
    import_keras_quietly()
    from residual.training.rate_test import run_rate_test

    with use_device(device):
        job = make_asked_job(options, None, console)
        with show_work(console, f"training up to {steps} steps at rising rates"):
            found = run_rate_test(job, steps, lowest, highest)
    if plot is not None:
        from residual.evaluation.rate_figure import save_rate_figure

        save_rate_figure(found, plot)
    return found


def check_plot(plot: Path | None) -> None:
    """Refuse a file for the curve that cannot be written.

    Raises:
        RunError: if it is there already, or ends in something else than .png or .svg.
    """
    if plot is None:
        return
    if plot.suffix.lower() not in (".png", ".svg"):
        raise RunError(f"plot must end in .png or .svg; got {plot}.")
    if plot.exists():
        raise RunError(f"{plot} exists already. Choose another `plot`, or remove it.")
    if not plot.parent.is_dir():
        raise RunError(f"plot: there is no folder {plot.parent} to write {plot.name} into.")
