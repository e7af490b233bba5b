"""Functions and files that do not run to their end, or return something else."""

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from residual.checker.difference import Difference
from residual.checker.pairs import Result
from residual.checker.rules.rule import Found, Rule
from residual.checker.wording import describe_error, find_advice

if TYPE_CHECKING:
    from residual.checker.calling import Outcome


class Raises(Rule):
    id = "raises"
    example = "an exception"
    message = "it stops with an error: {got}"
    fix = "{expected}"
    message_has_values = True

    def find_in_outcome(self, function: Callable, outcome: "Outcome") -> Difference:
        """The function stopped with an error: the message, and the learner's own line."""
        code = getattr(inspect.unwrap(function), "__code__", None)
        line, text = outcome.error_line(code.co_filename if code else "")
        return self.find_in_error(outcome.error, line, text if line else "")

    def find_in_error(self, error: BaseException, line: int | None, text: str) -> Difference:
        """The difference that an error makes.

        Args:
            error: that was raised.
            line: the learner's line.
            text: what stands there, or "".
        """
        place = f" (line {line}: {text})" if text else ""
        return self.at(got=describe_error(error) + place, expected=find_advice(error), line=line)


class Hangs(Rule):
    id = "hangs"
    example = "an endless loop"
    message = "it did not finish within {expected}."
    fix = "look for a loop that never ends; raise the limit if it is only slow."
    message_has_values = True

    def find_in_status(self, status: int | None, timeout: float, line: int | None) -> list[Difference]:
        """Look at how a process ended; a `status` of None means that it was stopped."""
        return [self.at(expected=f"{timeout:g} seconds", line=line)] if status is None else []


class Crashed(Rule):
    id = "crashed"
    example = "os._exit, a crash"
    message = "the process ended before the check was done ({got})."
    fix = "run the file on its own and see."
    message_has_values = True

    def find_in_status(self, status: int | None, timeout: float, line: int | None) -> list[Difference]:
        """Look at how a process ended, if it has left no report."""
        return [] if status is None else [self.at(got=f"exit status {status}", line=line)]


class WrongType(Rule):
    id = "wrong-type"
    example = "no return"
    message = "it returns {got}, not {expected}."
    fix = "end with `return X` (a block) or `return model` (a network)."
    message_has_values = True

    def find_in_result(self, result: Result) -> Found:
        if not result.has_type:
            got = "None (nothing)" if result.value is None else f"a {type(result.value).__name__}"
            yield self.at(got=got, expected=result.type_name)


class Disconnected(Rule):
    id = "disconnected"
    example = "a new Input inside"
    message = "the output does not depend on the input."
    fix = "use the function's first argument, and make no Input of your own."

    def find_in_result(self, result: Result) -> Found:
        if result.has_type and not result.is_connected():
            yield self.at()


class NothingToCheck(Rule):
    id = "nothing-to-check"
    example = "none of the names is defined"
    message = "it defines nothing that can be checked{got}."
    fix = "give your functions one of these names: {expected}."
    message_has_values = True

    def find_in_names(self, names: tuple[str, ...], others: Mapping[str, str]) -> Difference:
        """The difference of a file or namespace in which nothing can be checked.

        Args:
            names: that the checker knows.
            others: names that were found, and why each is not checked.
        """
        found = "; ".join(f"{name}: {reason}" for name, reason in others.items())
        return self.at(expected=", ".join(names), got=f" ({found})" if found else "")


class NumbersDiffer(Rule):
    id = "numbers-differ"
    example = "a right structure and other numbers"
    message = "its layers look right, but {got} differs from the reference."
    fix = "look at the layer where the numbers part."
    message_has_values = True

    def find_in_numbers(self, text: str) -> list[Difference]:
        """Look at what `numbers` reports; "" stands for equal numbers."""
        return [self.at(got=text)] if text else []
