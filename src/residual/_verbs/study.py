"""A study, from a name to the folder with its page."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from residual._console import default_console
from residual._text import describe_value, parse_duration
from residual._version import __version__
from residual.backend import import_keras_quietly
from residual.errors import ResidualError, ResidualWarning, RunError
from residual.studies import STUDIES
from residual.studies.context import Asked, Context, Subject, open_folder
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
    pixels: str | None = None,
    repair: str | Path | None = None,
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
        pixels: the range that a .keras file of another program takes: "0-255", "0-1" or "-1-1".
        repair: a new .keras file for the repaired network, of the study batch-norm.
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
    check_repair(study, repair)
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
        network, subject = _open_network(run_or_model, pixels, repair)
        context = Context(
            asked,
            folder,
            console or default_console(),
            lambda: _load(run_or_model, address, data is None, network),
            network,
            dict(describe_machine()),
            subject=subject,
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
        from residual._open import find_owner

        run = find_owner(run_or_model)
        if run is None:
            raise RunError(f"{run_or_model} does not say what it was trained on: name its images as `data`.")
        return run.folder.record.train["data"]
    return "digits" if find_named("cifar10", None).path is None else "cifar10"


def check_repair(study: Study, repair: str | Path | None) -> None:
    """Refuse a file that a repaired network cannot be written to. Nothing is ever replaced.

    Args:
        study: that was asked for.
        repair: the file; None is always right.

    Raises:
        RunError: saying what is allowed.
    """
    if repair is None:
        return
    path = Path(repair)
    if not study.repairs:
        raise RunError(f"The study {study.name} repairs nothing: leave `repair` out.")
    if path.suffix.lower() != ".keras":
        raise RunError(f"repair must end in .keras; got {describe_value(str(path))}.")
    if path.exists():
        raise RunError(f"repair must be a new file; {path} exists. Nothing was changed.")
    if not path.parent.is_dir():
        raise RunError(f"repair must be in a folder that exists; there is no folder {path.parent}.")


def _load(run_or_model: str | Path | None, address: str, is_own: bool, network: Any) -> "Dataset":
    """The images: those of a run in its own split, others in the size that a network takes, some set aside."""
    from residual.data.load import load_data

    if run_or_model is None:
        return load_data(address)
    if is_own:
        from residual._open import open_run
        from residual.training.reload import reload_split

        return reload_split(open_run(run_or_model).folder)
    from residual.training.job import split_validation

    return split_validation(load_data(address, network.input_shape[1]), _VALIDATION, 0)


def _open_network(
    run_or_model: str | Path | None, pixels: str | None, repair: str | Path | None
) -> tuple[Any, Subject]:
    """A trained network and what is known of it."""
    if run_or_model is None:
        return None, Subject()
    from residual._open import check_unneeded, find_owner, open_classifier
    from residual.models.keras_file import load_model
    from residual.training.recipe import Recipe

    path = None if repair is None else Path(repair)
    run = find_owner(run_or_model)
    if run is None:
        found = open_classifier(run_or_model, None, pixels)
        if found.note:
            warnings.warn(found.note, ResidualWarning, stacklevel=2)
        info = load_model(run_or_model)[1] if path else {}
        return found.model, Subject(found.pixels, info, repair=path)
    check_unneeded(run, None, pixels)
    recipe = Recipe.from_table(run.folder.record.recipe)
    info = load_model(run.folder.model)[1] if path else {}
    return run.model, Subject("0-255", info, recipe.batch_size, tuple(recipe.augment), True, path)
