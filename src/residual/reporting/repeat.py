"""What repeats a training: the call in Python; the command line has its own words for it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from residual.runs.record import RunRecord

# From the folder and the record of a run to the command that repeats its training; None if no command can.
FormatCommand = Callable[[Path, RunRecord], str | None]

_NOT_REPEATED = (  # the recipe in run.toml holds them, or they change nothing in the network
    "data", "model", "recipe", "epochs", "batch_size", "time_budget", "precision", "engine", "report", "optimizer"
)  # fmt: skip


def list_repeated(record: RunRecord) -> dict[str, Any]:
    """What a repeated training is asked beside data and recipe: name -> value, without what is usual.

    Args:
        record: of the run.
    """
    from residual.training.options import TrainOptions

    usual = TrainOptions().to_table()
    asked = {name: value for name, value in record.train.items() if name not in _NOT_REPEATED}
    changed = {name: value for name, value in asked.items() if value != usual.get(name)}
    return {**changed, "precision": record.precision, "image_size": record.data.image_size[0]}


def format_call(path: Path, record: RunRecord) -> str:
    """The call in Python that repeats a training.

    Args:
        path: of the run.
        record: of the run.
    """
    words = {"recipe": str(path / "run.toml"), **list_repeated(record)}
    arguments = ", ".join(f"{name}={value!r}" for name, value in words.items())
    return f"residual.train({record.train['data']!r}, {arguments})"
