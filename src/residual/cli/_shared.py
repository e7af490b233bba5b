"""What every verb shares: messages instead of tracebacks, JSON, a quiet start."""

import functools
import json
import sys

import typer

from residual import __version__, backend
from residual.errors import ResidualError

JSON = typer.Option(False, "--json", help="Print the result as JSON on standard output.")


def print_version(wanted: bool) -> None:
    """Print the version and end."""
    if wanted:
        print(f"residual {__version__}")
        raise typer.Exit


def verb(function):
    """Turn a user's mistake into one message on standard error and exit code 2."""

    @functools.wraps(function)
    def command(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except ResidualError as error:
            print(f"residual: {error}", file=sys.stderr)
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            print("residual: stopped.", file=sys.stderr)
            raise typer.Exit(130) from None
        except BrokenPipeError:
            sys.stderr.close()
            raise typer.Exit(0) from None
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            print(f"residual: {where}{error.strerror or error}.", file=sys.stderr)
            raise typer.Exit(2) from None
        except MemoryError:
            print("residual: not enough memory. Use a smaller --size or --batch-size.", file=sys.stderr)
            raise typer.Exit(2) from None

    return command


def console(for_json: bool = False):
    """A console on standard output, or on standard error where that is kept for JSON."""
    from rich.console import Console

    return Console(stderr=for_json)


def print_json(value) -> None:
    """Print a value as JSON."""
    print(json.dumps(value, indent=1))


def api():
    """`residual._api`, loaded without its libraries' start-up chatter."""
    backend.import_keras_quietly()
    from residual import _api as api

    return api
