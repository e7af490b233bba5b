"""Errors that say nothing about the learner: something is not here, or the checker passed the wrong values."""

import traceback

from residual.checker.calling import Outcome, Signature, find_filename
from residual.checker.candidates import Candidate
from residual.checker.difference import Difference
from residual.checker.rules.running import Disconnected, Raises, WrongType
from residual.checker.wording import describe_error, explain_unavailable

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
        return ""
    if guessed:
        return f"{unclear} ({describe_error(error)})"
    if candidate.by_course_name or not isinstance(error, _ERRORS_OF_VALUES):
        return ""
    innermost = traceback.extract_tb(error.__traceback__)[-1]
    if innermost.filename == find_filename(candidate.function):
        return f"it stops at the values that this check passes ({describe_error(error)})"
    return ""
