"""The command that repeats a training, for its report: only the command line knows the names of its options."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from residual.reporting.repeat import FormatCommand
    from residual.runs.record import RunRecord


def make_format_command(context: Any) -> "FormatCommand":
    """A function from the folder and the record of a run to the command that repeats its training.

    It returns None if only Python can repeat it, because an argument has no option.

    Args:
        context: of the verb that runs.
    """
    train = context.find_root().command.commands["train"]
    options = {parameter.name: parameter.opts[-1] for parameter in train.params}

    def format_command(path: Path, record: "RunRecord") -> str | None:
        from residual.data.given import GIVEN
        from residual.reporting.repeat import list_repeated

        values = {"recipe": path / "run.toml", **list_repeated(record)}
        if record.train["data"] == GIVEN or not set(values) <= set(options):
            return None
        words = [word for name, value in values.items() for word in (options[name], str(value))]
        return shlex.join(["residual", "train", record.train["data"], *words])

    return format_command
