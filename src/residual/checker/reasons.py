"""Errors that say nothing about the learner: something is not here, or the checker passed the wrong values."""

import dis
import traceback

from residual.checker.calling import Outcome, Signature, find_filename
from residual.checker.candidates import Candidate, is_own, list_codes, unwrap
from residual.checker.difference import Difference
from residual.checker.rules.running import Disconnected, Raises, WrongType
from residual.checker.wording import LAYER_NOT_CALLED, describe_error, explain_unavailable

# What a function raises in its own lines if an argument has another form than it expects.
_ERRORS_OF_VALUES = (TypeError, ValueError, LookupError, AttributeError, AssertionError, ArithmeticError)


def explain_stop(
    candidate: Candidate, signature: Signature, outcome: Outcome, differences: list[Difference]
) -> str:
    """Why a function that stopped, or returned something else, says nothing; "" if it can be judged."""
    error, guessed = outcome.error, ", ".join(map(repr, signature.guessed))
    unclear = f"it is not clear what to give for its argument {guessed}"
    if (
        error is None
        and guessed
        and any(isinstance(one.rule, WrongType | Disconnected) for one in differences)
    ):
        return unclear
    if error is None or not any(isinstance(one.rule, Raises) for one in differences):
        return ""
    if reason := explain_unavailable(error):
        return reason
    if isinstance(error, NameError) and not isinstance(error, UnboundLocalError):
        setter = _find_setter(candidate, error.name or "")
        return f"it needs {error.name}, which {setter} sets when it runs" if setter else ""
    if guessed:
        return f"{unclear} ({describe_error(error)})"
    if candidate.by_course_name or not isinstance(error, _ERRORS_OF_VALUES) or LAYER_NOT_CALLED in str(error):
        return ""
    innermost = traceback.extract_tb(error.__traceback__)[-1]
    if innermost.filename == find_filename(candidate.function):
        return f"it stops at the values that this check passes ({describe_error(error)})"
    return ""


def _find_setter(candidate: Candidate, name: str) -> str:
    """The function of the learner's that has a `global` statement for this name, or ""."""
    namespace = getattr(unwrap(candidate.original), "__globals__", {})
    for other, value in list(namespace.items()):
        codes = list_codes(value) if is_own(value, namespace) else []
        steps = (step for code in codes for step in dis.get_instructions(code))
        if any(step.opname == "STORE_GLOBAL" and step.argval == name for step in steps):
            return other
    return ""
