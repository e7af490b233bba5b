"""A training by several processes: process 0 has the run folder and the console, the others follow it."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from residual.backend import import_keras_quietly
from residual.backend.cluster import Cluster, open_group
from residual.errors import RecipeError, RunError
from residual.runs.folder import FollowedFolder, RunFolder
from residual.runs.record import parse_record
from residual.training.options import TrainOptions

if TYPE_CHECKING:
    from rich.console import Console

    from residual._run import Run
    from residual.backend.processes import Processes
    from residual.training.job import Job


def check_options(options: TrainOptions) -> None:
    """Refuse what only one process can train.

    Raises:
        RecipeError: for trained weights, or a Keras model, to begin with.
    """
    from residual.models.given import GivenNetwork

    if options.weights is not None or isinstance(options.model, GivenNetwork):
        raise RecipeError(
            "`weights`, or a Keras model, are trained by one process: leave out `processes`. It may use all `devices` "
            "of its machine."
        )


def train_together(
    cluster: Cluster,
    console: "Console",
    find_before: Callable[[], RunFolder | None],
    make_job: Callable[[RunFolder | None], "Job"],
    train: Callable[["Job"], "Run"],
) -> "Run | None":
    """Train with the other processes; the run in process 0, and None in the others.

    Args:
        cluster: where they meet.
        console: it prints nothing in the other processes.
        find_before: finds the run that is continued, or refuses what was asked; process 0 calls it.
        make_job: makes the job; gets the run that is continued, which is but a record in the other processes.
        train: trains it in the run folder; process 0 calls it.

    Raises:
        ResidualError: as if one process trained; also if the processes cannot meet, or read other images.
    """
    with _join(cluster, console) as link:
        before = _hand_over_before(link, find_before()) if link.leads else _take_over_before(link)
        with open_group(cluster, link):
            job = make_job(before)
            _compare_images(link, job)
            if link.leads:
                return train(job)
            _follow(link, job, console)
    return None


@contextmanager
def _join(cluster: Cluster, console: "Console") -> Iterator["Processes"]:
    import_keras_quietly()
    from residual.backend.cluster import divide_processor
    from residual.backend.processes import join

    divide_processor(cluster.devices)
    with join(cluster) as link:
        if not link.leads:
            console.quiet = True
        yield link


def _hand_over_before(link: "Processes", before: RunFolder | None) -> RunFolder | None:
    link.share("before", json.dumps(None if before is None else before.record.to_toml()))
    return before


def _take_over_before(link: "Processes") -> RunFolder | None:
    text = json.loads(link.share("before"))
    return None if text is None else FollowedFolder(parse_record(text))


def _compare_images(link: "Processes", job: "Job") -> None:
    """Refuse processes that would train on other images than process 0."""
    found = link.collect("images", job.record.data.data_sha256)
    others = [link.describe(i) for i, images in enumerate(found) if images != found[0]]
    if others:
        raise RunError(
            f"Process 0 reads other images than {', '.join(others)}: give all processes the same data, in the same "
            "folder."
        )


def _follow(link: "Processes", job: "Job", console: "Console") -> None:
    """Train what process 0 trains; it writes and prints."""
    from residual.training.distribution import take_over
    from residual.training.fit import fit
    from residual.training.recipe import Recipe

    record, state = take_over(link)
    job = replace(job, record=record, recipe=Recipe.from_table(record.recipe))
    fit(job, FollowedFolder(record), console, state)
