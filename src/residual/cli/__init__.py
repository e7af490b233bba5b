"""The command `residual`: one thin file per verb, one row in `VERBS`.

Nothing heavy is imported before a verb runs, so that `residual --help` answers at once.
"""

import difflib
from typing import Any

import typer

from residual._version import __version__
from residual.cli import (
    audit,
    bench,
    check,
    convert,
    data,
    doctor,
    embed,
    evaluate,
    explain,
    export,
    find_rate,
    import_,
    plan,
    predict,
    recipes,
    report,
    runs,
    runs_compare,
    serve,
    study,
    summary,
    train,
)
from residual.cli import (
    list as list_,
)
from residual.cli._shared import Verb, VerbGroup, print_error

# A verb's module has `run`, whose docstring is the help, and `EXAMPLE`.
VERBS = {
    "train": train,
    "evaluate": evaluate,
    "predict": predict,
    "export": export,
    "bench": bench,
    "serve": serve,
    "explain": explain,
    "embed": embed,
    "find-rate": find_rate,
    "plan": plan,
    "report": report,
    "doctor": doctor,
    "study": study,
    "runs": runs,
    "runs compare": runs_compare,
    "data": data,
    "audit": audit,
    "summary": summary,
    "list": list_,
    "recipes": recipes,
    "check": check,
    "import": import_,
    "convert": convert,
}

_UsageError: Any = typer.BadParameter.__mro__[1]  # Typer exports no name for it
_ADVICE = {
    "--lr": "The recipe holds the learning rate: --set schedule.peak=0.01, or schedule.rate if it is constant.",
    "--optimizer": "The recipe holds the optimizer: --set optimizer=sgd.",
}
_ADVICE["--learning-rate"] = _ADVICE["--lr"]


class Command(VerbGroup):
    """The command itself: words that it does not understand are one message too."""

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        try:
            code = super().main(*args, standalone_mode=False, **extra)
        except _UsageError as error:
            print_error(_explain_usage(error))
            code = 2
        except typer.Abort:
            code = 1
        if standalone_mode:
            raise SystemExit(code or 0)
        return code


def _explain_usage(error: Any) -> str:
    """What was wrong with the words, and where to look."""
    option = getattr(error, "option_name", "")
    if option in _ADVICE:
        return f"No such option: {option}. {_ADVICE[option]}"
    message = " ".join(error.format_message().split()).rstrip(".")
    if hasattr(error, "possibilities"):  # of an unknown option; Typer's own are often far from what was typed
        message = error.message + _suggest_option(error)
    path = error.ctx.command_path if error.ctx else "residual"
    end = "" if message.endswith("?") else "."
    return f"{message}{end} See {path} --help."


def _suggest_option(error: Any) -> str:
    """ ". Did you mean --epochs?", or nothing if no option of the verb is like the one that was typed."""
    names = {
        option.lstrip("-"): option
        for parameter in (error.ctx.command.params if error.ctx else ())
        for option in parameter.opts
        if option.startswith("--")
    }
    typed = error.option_name.lstrip("-")
    begun = [name for name in names if len(typed) > 1 and name.startswith(typed)]
    near = begun or difflib.get_close_matches(typed, names, n=1, cutoff=0.75)
    return f". Did you mean {names[near[0]]}?" if near else ""


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"residual {__version__}")
        raise typer.Exit


def root(
    context: typer.Context,
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Show the version."
    ),
):
    """Residual networks that train honestly on the machine you have."""
    if context.invoked_subcommand is None:
        print(context.get_help(), end="")


def _unwrap(text: str) -> str:
    """The paragraphs of a docstring, each on one line: Typer keeps the breaks of the source."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _make_app() -> typer.Typer:
    """The command with its verbs; "runs compare" is a verb of the verb "runs"."""
    settings = {"help_option_names": ["-h", "--help"]}
    found = typer.Typer(
        name="residual", cls=Command, pretty_exceptions_enable=False, context_settings=settings
    )
    found.callback(invoke_without_command=True, epilog="Start with: residual train")(root)
    groups: dict[str, typer.Typer] = {"": found}
    for name, verb in VERBS.items():
        above, _, last = name.rpartition(" ")
        texts = {"help": _unwrap(verb.run.__doc__ or ""), "epilog": f"Example: {verb.EXAMPLE}"}
        if any(other.startswith(f"{name} ") for other in VERBS):
            groups[name] = typer.Typer(cls=VerbGroup, context_settings=settings)
            groups[name].callback(invoke_without_command=True, **texts)(verb.run)
            groups[above].add_typer(groups[name], name=last)
        else:
            groups[above].command(last, cls=Verb, **texts)(verb.run)
    return found


app = _make_app()


def main() -> None:
    """Entry point of the command."""
    app(prog_name="residual")
