"""What every verb shares: messages instead of tracebacks, option names, JSON, a quiet start."""

import contextlib
import json
import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup

from residual.errors import ExportRefused, ResidualError, ResidualWarning, RunError

if TYPE_CHECKING:
    from residual._text_console import TextConsole


def complete_run(incomplete: str) -> list[str]:
    """The names of runs for the shell's completion."""
    return sorted(path.parent.name for path in Path("runs").glob("*/run.toml"))


def complete_model(incomplete: str) -> list[str]:
    """Names of networks for the shell's completion."""
    from residual.models.zoo import FAMILIES

    return [name for family in FAMILIES for name in family.examples]


def complete_recipe(incomplete: str) -> list[str]:
    """The names of the recipes for the shell's completion."""
    from residual.training.recipes import RECIPES

    return list(RECIPES)


JSON = typer.Option(False, "--json", help="Print the result as JSON on standard output.")
DEVICE = typer.Option(
    "auto", metavar="WORD", help="Where to compute: auto, cpu, gpu, or gpu:1 for the second one."
)
SEARCH_DIR = typer.Option(None, "--data", metavar="FOLDER", help="Folder to search for signs and cifar10.")
# Of the verbs that use a trained network.
RUN_OR_MODEL = typer.Argument(
    ...,
    metavar="RUN_OR_MODEL",
    help="Name or folder of a run, or a .keras file.",
    autocompletion=complete_run,
)
CLASSES = typer.Option(
    None, "--classes", metavar="A,B,...", help="Names of the outputs of a model file that does not have them."
)
PIXELS = typer.Option(
    None, "--pixels", metavar="RANGE", help="What another program's model takes: 0-255, 0-1 or -1-1."
)
PRECISION_AT = typer.Option(
    None,
    "--precision-at",
    metavar="SHARE",
    help="Share of right labels wanted, such as 99%: what is less certain is unsure.",
)

_INTERRUPTED = 130  # the exit code that shells expect after Ctrl-C
_MARKED = re.compile(r"`(\w+)`")
_FIRST = re.compile(r"(\w+) must ")
_OPTIONS: ContextVar[Mapping[str, str]] = ContextVar("options of the verb that runs")


class _Flags:
    """A command whose help shows a flag such as --json without a type: it takes no value."""

    def get_params(self, ctx: Any) -> list[Any]:
        parameters = super().get_params(ctx)  # type: ignore[misc]
        for parameter in parameters:
            if getattr(parameter, "is_flag", False) and parameter.metavar is None:
                parameter.metavar = ""
        return parameters


class Verb(_Flags, TyperCommand):
    """A verb: a user's mistake is one message on standard error and exit code 2."""

    def invoke(self, ctx: Any) -> Any:
        with _mistakes_reported(ctx):
            return super().invoke(ctx)


class VerbGroup(_Flags, TyperGroup):
    """A verb with verbs of its own; the command itself is one."""

    def invoke(self, ctx: Any) -> Any:
        with _mistakes_reported(ctx):
            return super().invoke(ctx)


@contextlib.contextmanager
def _mistakes_reported(context: Any) -> Iterator[None]:
    before = _OPTIONS.set(_list_options(context))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", ResidualWarning)
            warnings.showwarning = _show_warning
            yield
    except ResidualError as error:
        print_error(str(error))
        raise typer.Exit(1 if isinstance(error, ExportRefused) else 2) from None
    except KeyboardInterrupt:
        print_error("stopped.")
        raise typer.Exit(_INTERRUPTED) from None
    except BrokenPipeError:  # the reader, such as head, has enough
        raise typer.Exit(0) from None
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print_error(f"{where}{error.strerror or error}.")
        raise typer.Exit(2) from None
    except MemoryError:
        print_error("not enough memory. Use a smaller `image_size` or `batch_size`.")
        raise typer.Exit(2) from None
    finally:
        _OPTIONS.reset(before)


def _show_warning(message, category, filename, lineno, file=None, line=None) -> None:
    """Print a warning of ours as one message; Python's own form for all others."""
    if issubclass(category, ResidualWarning):
        print_error(str(message))
    else:
        print(warnings.formatwarning(message, category, filename, lineno, line), end="", file=sys.stderr)


def _list_options(context: Any) -> dict[str, str]:
    """The option of every argument that messages may name: the verb's own, and those of `train`, named as such."""
    train = context.find_root().command.commands["train"]
    of_train = {name: f"{option} of residual train" for name, option in _name_parameters(train).items()}
    return {**of_train, **_name_parameters(context.command)}


def _name_parameters(command: Any) -> dict[str, str]:
    return {
        parameter.name: parameter.opts[-1] if parameter.opts[-1].startswith("--") else parameter.name.upper()
        for parameter in command.params
    }


def name_options(text: str) -> str:
    """A message of the library with options in place of the arguments that it names.

    An argument is named in backquotes, as in "use a smaller `image_size`", or is the first word before "must", as in
    "epochs must be at least 1". Other words stay as they are, so that no file name and no prose is changed.
    """
    options = _OPTIONS.get({})
    first = _FIRST.match(text)
    if first and first[1] in options:
        text = options[first[1]] + text[first.end(1) :]
    return _MARKED.sub(lambda found: options.get(found[1], found[0]), text)


def console(for_json: bool = False, quiet: bool = False) -> "TextConsole":
    """A console on standard output; on standard error if standard output is kept for JSON."""
    from residual._console import default_console

    return default_console(stderr=for_json, rewrite=name_options, quiet=quiet)


def print_line(out: "TextConsole", text: str, style: str | None = None) -> None:
    """Print one line as it is, however long."""
    out.print(text, style=style, soft_wrap=True)


def print_error(message: str) -> None:
    """Print the one message of a mistake on standard error."""
    from residual._console import default_console
    from residual._text import escape_control

    default_console(stderr=True).print(f"residual: {escape_control(name_options(message))}", soft_wrap=True)


def print_json(value: Any) -> None:
    """Print a value as JSON, in ASCII."""
    print(json.dumps(value, indent=1))


def api(out: "TextConsole"):
    """`residual._api`, loaded without its libraries' start-up chatter; a terminal shows that it takes seconds."""
    from residual import backend
    from residual._console import show_work

    with show_work(out, "loading Keras"):
        backend.import_keras_quietly()
        from residual import _api
    return _api


def check_output(path: Path | None, argument: str, *suffixes: str) -> None:
    """Refuse a file that cannot be written, before anything is computed for it.

    Args:
        path: of the file; None is always right.
        argument: what names it.
        suffixes: that it may have.

    Raises:
        ResidualError: if it ends in something else, is a folder, or its folder is not there.
    """
    if path is None:
        return
    if path.suffix.lower() not in suffixes:
        raise ResidualError(f"{argument} must end in {' or '.join(suffixes)}; got {path}.")
    if path.is_dir():
        raise ResidualError(f"{argument} must name a file; {path} is a folder.")
    if not path.parent.is_dir():
        raise ResidualError(f"{argument}: there is no folder {path.parent} to write {path.name} into.")


def check_trained(run_or_model: str) -> None:
    """Refuse a run or model file that is not there, before Keras is loaded.

    Raises:
        RunError: naming the runs that there are, or how to finish the training of this one.
    """
    from residual.runs.find import find_run

    if not run_or_model.endswith(".keras"):
        find_run(run_or_model).check_model()
    elif not Path(run_or_model).is_file():
        raise RunError(f"There is no model file {run_or_model}.")


def check_precision(share: str | None) -> None:
    """Refuse a precision that is none, before Keras is loaded.

    Raises:
        DataError: if it is not above 0 and below 1.
    """
    from residual.trust.thresholds import parse_precision

    if share is not None:
        parse_precision(share)


def split_names(text: str | None) -> list[str] | None:
    """Names that stand between commas; None of None."""
    return None if text is None else [name.strip() for name in text.split(",")]
