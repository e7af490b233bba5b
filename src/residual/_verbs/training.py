"""A training in its run folder: begun, continued, or its end completed.

`residual.train` and `residual train` both come here. Keras is imported after everything that can be checked without it.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from residual._console import print_row, show_work
from residual._run import Run
from residual._verbs.end_of_run import draw_curves, finish_run, keep_engine, list_missing
from residual._verbs.together import check_options, train_together
from residual.backend import import_keras_quietly
from residual.backend.cluster import Cluster, open_group
from residual.backend.devices import AUTO, check_device, use_device
from residual.errors import NetworkError, RecipeError, RunError
from residual.models.given import GivenNetwork, Pretrained, PretrainedNetwork
from residual.runs.find import check_free, check_name, find_existing, find_run, new_run
from residual.runs.folder import RESUMABLE, RunFolder
from residual.training.options import TrainOptions

if TYPE_CHECKING:
    from rich.console import Console

    from residual.reporting.live import LivePage
    from residual.reporting.repeat import FormatCommand
    from residual.runs.checkpoints import State
    from residual.training.job import Job

_COMPARED = 8  # validation images on which the engine of a probe is compared with its network
RESUME = ("auto", "never", "always")
ONE = Cluster()


def train_run(
    options: TrainOptions,
    *,
    name: str | None,
    resume: str,
    console: "Console",
    device: str = AUTO,
    cluster: Cluster = ONE,
    format_command: "FormatCommand | None" = None,
    live: "LivePage | None" = None,
) -> Run | None:
    """Train what the options ask for, and write the report.

    Args:
        options: what is asked.
        name, resume: as `residual.train` takes them.
        console: where the plan and each epoch are shown.
        device: where the network is computed.
        cluster: the devices that train together.
        format_command: as `Run` has it.
        live: shows the training while it runs; None shows it nowhere.

    Returns:
        The run; None if several processes train together and this is not process 0, which has it.

    Raises:
        DataError, NetworkError, RecipeError, RunError: each says what to do.
    """
    check_device(device)
    cluster.check(device)
    if not cluster.has_several_processes:
        before = check_request(options, name, resume)
        with open_group(cluster), use_device(device):
            job = make_asked_job(options, before, console)
            return _report(_train_job(job, name, before, console, live).on(device), format_command)
    check_options(options)
    found: list[RunFolder | None] = []

    def find_before() -> RunFolder | None:
        found.append(check_request(options, name, resume))
        _refuse_finished(found[0])
        return found[0]

    run = train_together(
        cluster,
        console,
        find_before,
        lambda before: make_asked_job(options, before, console),
        lambda job: _train_job(job, name, found[0], console, live),
    )
    return run and _report(run, format_command)


def make_asked_job(options: TrainOptions, before: RunFolder | None, console: "Console") -> "Job":
    """Read the images that the options name, and open their trained weights.

    Args:
        options: what is asked.
        before: the run that is continued; None for a new one.
        console: where what takes its time is shown.

    Raises:
        DataError, NetworkError, RecipeError, RunError: each says what to do.
    """
    from residual.training.job import make_job

    pretrained = _open_weights(options, console)
    with show_work(console, "reading the images"):
        return make_job(options, before.record.data.image_size[0] if before else None, pretrained)


def _open_weights(options: TrainOptions, console: "Console") -> Pretrained | None:
    """The trained weights that the options name; None if they name none."""
    if options.weights is None:
        return None
    from residual._verbs.weights import open_weights

    with show_work(console, "opening the trained weights"):
        return open_weights(options.weights, options.image_size)


def _report(run: Run, format_command: "FormatCommand | None") -> Run:
    """The run, when its report is written."""
    run.format_command = format_command
    run.keep_report()
    return run


def _train_job(
    job: "Job", name: str | None, before: RunFolder | None, console: "Console", live: "LivePage | None"
) -> Run:
    """Train in a new run folder, or continue the run of before."""
    from residual.training.reload import continue_job

    if before is not None:
        return _continue(before, continue_job(job, before), console, live)
    folder = new_run(name, f"{job.data.name}-{job.spec.name}")
    with folder.claim():
        try:
            job = _write_start(folder, job, console)
            folder.write_record(job.record)
            run = _fit(folder, job, None, console, live)
            _note_from_scratch(run, console)
            return run
        except (NetworkError, RecipeError):  # raised before the first step: there is no run
            folder.discard()
            raise


def _note_from_scratch(run: Run, console: "Console") -> None:
    """If a run from scratch was better on the same validation images, say what was measured."""
    if run.folder.record.network.source != PretrainedNetwork.source or run.report["interrupted"]:
        return
    from residual._verbs.finetuning import find_better_from_scratch

    if text := find_better_from_scratch(run.folder):
        run.folder.add_to_report(from_scratch=text)
        print_row(console, "scratch", text)


def _write_start(folder: RunFolder, job: "Job", console: "Console") -> "Job":
    """Keep the Keras model that the training begins with, if one was given; the job that begins with what was kept."""
    if not isinstance(job.spec, GivenNetwork):
        return job
    if isinstance(job.spec, PretrainedNetwork):
        from residual._verbs.finetuning import prepare_start

        job = prepare_start(job, folder, console)
    from residual.training.start import save_start

    return replace(job, spec=save_start(job.spec, folder, bool(job.recipe.epochs)))


def check_request(options: TrainOptions, name: str | None, resume: str) -> RunFolder | None:
    """Refuse what is wrong in itself, without reading the data and without Keras.

    Args:
        options: what is asked.
        name, resume: as `residual.train` takes them.

    Returns:
        The run of this name that is to be continued; None for a new one.

    Raises:
        DataError, NetworkError, RecipeError, RunError: each says what to do.
    """
    from residual.data.load import check_address
    from residual.training.find_recipe import choose_recipe

    before = _find_previous(name, resume)
    choose_recipe(options)
    if options.weights is not None:
        from residual._verbs.weights import check_weights

        check_weights(options.weights)
    if isinstance(options.data, str):
        check_address(options.data, options.search_dir)
    return before


def resume_run(
    run: str | Path | Run,
    *,
    console: "Console",
    data: Any = None,
    callbacks: Sequence[Any] | None = None,
    device: str = AUTO,
    cluster: Cluster = ONE,
    format_command: "FormatCommand | None" = None,
    live: "LivePage | None" = None,
) -> Run | None:
    """Continue a run that was interrupted, or write what a finished one lacks.

    Args:
        run: a run, its name or its folder.
        data, callbacks: what the run cannot keep, given again, as `residual.resume` takes them.
        console: where the plan and each epoch are shown.
        device: where the network is computed.
        cluster, format_command, live: as `train_run` takes them.

    Raises:
        DataError, RunError: as for `residual.resume`.
    """
    check_device(device)
    cluster.check(device)
    if cluster.has_several_processes:
        return _resume_together(cluster, run, console, (data, callbacks), format_command, live)
    folder = run.folder if isinstance(run, Run) else find_run(run)
    if folder.state == "finished":
        with use_device(device):
            return _report(finish_run(folder, console, data).on(device), format_command)
    import_keras_quietly()
    from residual.training.reload import reload_job

    with open_group(cluster), use_device(device):
        job = reload_job(folder, data, callbacks)
        return _report(_continue(folder, job, console, live).on(device), format_command)


def _resume_together(
    cluster: Cluster,
    run: str | Path | Run,
    console: "Console",
    given: tuple[Any, Sequence[Any] | None],
    format_command: "FormatCommand | None",
    live: "LivePage | None",
) -> Run | None:
    """Continue a run with the other processes."""
    from residual.training.reload import reload_job

    found: list[RunFolder] = []

    def find_before() -> RunFolder:
        found.append(run.folder if isinstance(run, Run) else find_run(run))
        _refuse_finished(found[0])
        return found[0]

    trained = train_together(
        cluster,
        console,
        find_before,
        lambda before: reload_job(before, *given),
        lambda job: _continue(found[0], job, console, live),
    )
    return trained and _report(trained, format_command)


def _refuse_finished(folder: RunFolder | None) -> None:
    """RunError for a run of which only the end is missing: several processes have nothing to train."""
    if folder is not None and folder.state == "finished":
        raise RunError(
            f"{folder.path} has finished training: resume it with one process, which writes the rest."
        )


def _find_previous(name: str | None, resume: str) -> RunFolder | None:
    """The run of this name that is to be continued, or None; refused before any data is read."""
    if resume not in RESUME:
        raise RunError(f"resume must be one of {', '.join(RESUME)}; got {resume!r}.")
    check_name(name)
    before = None if resume == "never" else find_existing(name)
    if before is not None and (before.state in RESUMABLE or _is_unfinished(before)):
        return before
    if resume == "always":
        known = "is not a run that was interrupted" if before else "is not there"
        raise RunError(
            f'resume="always" needs a run to continue, and {name or "a run without a name"} {known}.'
        )
    check_free(name)
    return None


def _is_unfinished(folder: RunFolder) -> bool:
    """Whether the training has finished and its end was interrupted."""
    return folder.state == "finished" and bool(list_missing(folder))


def _continue(folder: RunFolder, job: "Job", console: "Console", live: "LivePage | None") -> Run:
    """Continue a run in its folder, from its last checkpoint."""
    import_keras_quietly()
    from residual.training.callbacks.checkpoint import load_last_state
    from residual.training.machine import find_machine_changes

    if folder.state == "finished":
        return finish_run(folder, console, job=job)
    with folder.claim():
        state = load_last_state(folder, console)
        folder.reopen(state.step if state else 0)
        changes = find_machine_changes(job.record.machine)
        if state and changes:
            console.print(f"         since it began {changes}: last digits may differ", highlight=False)
        return _fit(folder, job, state, console, live)


def _fit(
    folder: RunFolder, job: "Job", state: "State | None", console: "Console", live: "LivePage | None"
) -> Run:
    """Train in a folder that this process has claimed, from the beginning or from a state."""
    import_keras_quietly()
    from residual.training.distribution import hand_over
    from residual.training.fit import fit
    from residual.training.save import save_data_facts

    if live is not None:
        if live.folder is None:  # a series has one page
            print_row(console, "live", live.address)
        live.follow(folder)
    try:
        save_data_facts(job, folder)
        hand_over(folder.record, state, folder)
        trained = fit(job, folder, console, state)
        draw_curves(folder)
        if not trained.report["interrupted"]:
            # The features of a probe were compared with those of Keras before.
            most = None if trained.read_features is None else _COMPARED
            keep_engine(folder, job, trained.model, console, most)
    except OSError as error:
        raise RunError(
            f"{error.filename or folder.path} cannot be written or read: {error.strerror or error}. Make room, or "
            "give the rights to write there, and continue with residual train --resume "
            f"{folder.path.name}."
        ) from None
    return Run(folder, job.data, trained)
