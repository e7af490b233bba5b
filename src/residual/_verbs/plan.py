"""Which recipe, and how long, should reach an accuracy, from Python: plan."""

from typing import TYPE_CHECKING, Any

from residual._console import default_console
from residual._text import parse_duration
from residual._verbs.training import check_request, make_asked_job
from residual.backend import import_keras_quietly
from residual.backend.devices import AUTO, check_device, use_device
from residual.errors import RecipeError
from residual.training.options import TrainOptions
from residual.trust.thresholds import parse_precision

if TYPE_CHECKING:
    from residual._text_console import TextConsole
    from residual.training.plan import Plan

BUDGET = "60s"


def plan(
    data: Any = "digits",
    target: float | str = 0.95,
    *,
    probe_budget: str = BUDGET,
    device: str = AUTO,
    progress: bool = True,
    **options: Any,
) -> "Plan":
    """Predict which recipe, in how many epochs, reaches an accuracy here, and how long that takes.

    A few short trainings, each with its whole schedule, and what recipes reached before say so. No run is made, and the
    test images are not read.

    Args:
        data: as `train` takes it.
        target: the accuracy that is wanted: "95%" or 0.95.
        probe_budget: time for the short trainings, such as "60s" or "5m".
        device, progress: as `train` takes them.
        options: the other arguments of `train` on what is trained and how: recipe, model, batch_size, image_size, ...

    Returns:
        The plan: `recipe`, `epochs`, `seconds`, and how sure; `epochs` is None if the target is out of sight, with the
        reason.

    Raises:
        DataError, NetworkError, RecipeError: as for `train`.
    """
    console = default_console(stderr=True, quiet=not progress)
    return plan_training(TrainOptions(data=data, **options), console, target, probe_budget, device)


def plan_training(
    options: TrainOptions, console: "TextConsole", target: float | str, probe_budget: str, device: str
) -> "Plan":
    """As `plan`, for options that are checked already.

    Raises:
        DataError, NetworkError, RecipeError: as for `plan`.
    """
    share, seconds = check_plan(options, target, probe_budget)
    check_device(device)
    import_keras_quietly()
    from residual.training.plan import make_plan

    with use_device(device):
        return make_plan(make_asked_job(options, None, console), share, seconds, console)


def check_plan(options: TrainOptions, target: float | str, probe_budget: str) -> tuple[float, float]:
    """The target, 0 to 1, and the seconds of the short trainings; refuses what is wrong in itself.

    Raises:
        DataError, NetworkError, RecipeError: each says what to do.
    """
    share, seconds = parse_precision(target, "target"), parse_duration("probe_budget", probe_budget)
    for name in ("weights", "freeze", "epochs", "time_budget", "optimizer", "callbacks"):
        if getattr(options, name) is not None:
            raise RecipeError(f"A plan chooses how long to train a new network: leave out `{name}`.")
    check_request(options, None, "never")
    return share, seconds
