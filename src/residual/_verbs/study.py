"""A study, from a name to the folder with its page."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from residual._console import default_console
from residual._text import describe_value, parse_duration
from residual._version import __version__
from residual.backend import import_keras_quietly
from residual.errors import ResidualError, RunError
from residual.studies import STUDIES
from residual.studies.context import Asked, Context, open_folder
from residual.studies.study import Study

if TYPE_CHECKING:
    from rich.console import Console

    from residual.data.images import Dataset
    from residual.studies.page import Result

BUDGET = "5m"
SEEDS = 3
_MOST_SEEDS = 20
_VALIDATION = 0.1  # share of the training images of other data than a run's own


def check_study(name: str, network: str | Path | None, seeds: int) -> Study:
    """The study of a name, and whether it takes what else was asked; nothing heavy is loaded.

    Args:
        name: a key of `STUDIES`.
        network: the user's trained network; None without one.
        seeds: how many.

    Raises:
        ResidualError: saying what is allowed.
    """
    import difflib

    if name not in STUDIES:
        near = difflib.get_close_matches(str(name), STUDIES, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ResidualError(f"name must be one of {', '.join(STUDIES)}; got {describe_value(name)}.{hint}")
    study = STUDIES[name]
    if network is None and study.network == "must":
        raise ResidualError(f"The study {name} is about a trained network: name a run or a .keras file.")
    if network is not None and study.network == "none":
        raise ResidualError(f"The study {name} trains its own networks: leave `run_or_model` out.")
    if isinstance(seeds, bool) or not isinstance(seeds, int) or not 1 <= seeds <= _MOST_SEEDS:
        raise ResidualError(
            f"seeds must be a whole number from 1 to {_MOST_SEEDS}; got {describe_value(seeds)}."
        )
    return study


def run_study(
    name: str,
    run_or_model: str | Path | None = None,
    *,
    data: str | Path | None = None,
    time_budget: str = BUDGET,
    seeds: int = SEEDS,
    out: str | Path | None = None,
    device: str = "auto",
    console: "Console | None" = None,
    command: str | None = None,
) -> "Result":
    """Train or probe real networks to answer one question, and write a page about it.

    The study is interrupted by Ctrl-C and resumed by the same call.

    Args:
        name: a key of `STUDIES`.
        run_or_model: the user's trained network, for a study that takes one.
        data: name or path of the images; None takes those of the run, or cifar10 if it is found, or else digits.
        time_budget: time for the whole, such as "5m"; sizes are chosen to fit in it.
        seeds: trainings of each network, as far as the time allows.
        out: the folder; None takes the first free one in ./studies.
        device: as `train` takes it.
        console: where progress is shown; None takes standard output.
        command: that repeats it, for the page; None writes the call.

    Returns:
        The folder and the findings.

    Raises:
        ResidualError: if an argument is wrong or data cannot be read; RunError if `out` holds something else.
    """
    from residual.backend.devices import check_device, use_device

    study = check_study(name, run_or_model, seeds)
    seconds = parse_duration("time_budget", time_budget)
    check_device(device)
    address = _choose_data(run_or_model, data)
    asked = Asked(
        study=name,
        data=address,
        seconds=seconds,
        seeds=tuple(range(seeds)),
        network=None if run_or_model is None else str(Path(run_or_model).resolve()),
        version=__version__,
    )
    folder = open_folder(asked, None if out is None else Path(out))
    import_keras_quietly()
    from residual.studies.page import write_results
    from residual.training.machine import describe_machine

    with use_device(device):
        context = Context(
            asked,
            folder,
            console or default_console(),
            lambda: _load(run_or_model, address, data is None),
            _open_network(run_or_model),
            dict(describe_machine()),
        )
        findings = study.run(context)
    return write_results(
        study, context, findings, command or _write_call(name, run_or_model, data, time_budget, seeds)
    )


def _write_call(name: str, run_or_model: Any, data: Any, time_budget: str, seeds: int) -> str:
    """The call that repeats a study in Python."""
    values = {"data": data, "time_budget": time_budget, "seeds": seeds}
    words = [repr(name), *([repr(str(run_or_model))] if run_or_model is not None else [])]
    for key, value in values.items():
        if value is not None:
            words.append(f"{key}={value if isinstance(value, int) else repr(str(value))}")
    return f"residual.run_study({', '.join(words)})"


def _choose_data(run_or_model: str | Path | None, data: str | Path | None) -> str:
    """Name or full path of the images."""
    from residual.data.load import check_address
    from residual.data.named import find_named
    from residual.training.job import resolve_data

    if data is not None:
        check_address(data)
        return resolve_data(data)
    if run_or_model is not None:
        from residual._run import find_owner

        run = find_owner(run_or_model)
        if run is None:
            raise RunError(f"{run_or_model} does not say what it was trained on: name its images as `data`.")
        return run.folder.record.train["data"]
    return "digits" if find_named("cifar10", None).path is None else "cifar10"


def _load(run_or_model: str | Path | None, address: str, is_own: bool) -> "Dataset":
    """The images of a study; those of a run with the validation images that it was selected on."""
    from residual.data.load import load_data

    if run_or_model is None:
        return load_data(address)
    from residual.training.job import split_as_asked, split_validation
    from residual.training.options import TrainOptions

    if is_own:
        from residual._run import open_run

        run = open_run(run_or_model)
        return split_as_asked(run.data(), TrainOptions.from_table(run.folder.record.train))
    side = _open_network(run_or_model).input_shape[1]
    return split_validation(load_data(address, side), _VALIDATION, 0)


def _open_network(run_or_model: str | Path | None) -> Any:
    if run_or_model is None:
        return None
    from residual._run import open_classifier

    return open_classifier(run_or_model).model
