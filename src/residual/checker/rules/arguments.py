"""The function's arguments: a number in the code instead, an initializer that is not used, another `def`."""

from collections.abc import Sequence

from residual.checker.difference import Difference
from residual.checker.pairs import CallArguments, CaseResult
from residual.checker.rules.rule import Found, Rule


class HardCoded(Rule):
    id = "hard-coded"
    example = "a number instead of the argument: kernel_size=3 for f"
    message = "the {place} stays {got}, whatever the arguments say."
    fix = "use the function's argument in place of the number."
    changes_shape = True
    settles_place = True

    def restate(self, difference: Difference, cases: Sequence[CaseResult], number: int) -> Difference | None:
        """What is right in the first call and wrong in a later one does not follow the arguments."""
        if number == 0 or not cases[0].compared or not difference.rule.follows_arguments:
            return None
        return self.at(difference.place, difference.expected, difference.got, difference.step)


class InitializerIgnored(Rule):
    id = "initializer-ignored"
    example = "kernel_initializer left out, or fixed"
    message = "the {place} does not use the function's `initializer`."
    fix = "give it kernel_initializer=initializer(seed=0)."

    def find_in_call(self, call: CallArguments) -> Found:
        for role, conv in call.convs:
            given = conv.operation.kernel_initializer
            if call.initializer and not hasattr(given, "marker_seed"):
                yield self.at(role, "the argument", type(given).__name__, conv)


class InitializerSeed(Rule):
    id = "initializer-seed"
    example = "initializer() or initializer(seed=1)"
    message = "the {place} asks for its initializer with another seed than 0."
    fix = "give it kernel_initializer=initializer(seed=0), so that your numbers are the course's."
    severity = "note"

    def find_in_call(self, call: CallArguments) -> Found:
        for role, conv in call.convs:
            seed = getattr(conv.operation.kernel_initializer, "marker_seed", 0)
            if call.initializer and call.seeded and seed not in (0, "uncalled"):
                yield self.at(role, "seed=0", f"seed={seed}", conv)


class WrongSignature(Rule):
    id = "signature"
    example = "other arguments"
    message = "it cannot be called: {got}."
    fix = "{expected}"
    message_has_values = True

    def find_in_error(self, function: str, order: tuple[str, ...], error: Exception) -> Difference:
        """The difference that an unreadable signature makes.

        Args:
            function: the name that the function must have.
            order: its arguments.
            error: from `calling.Signature`.
        """
        return self.at(
            got=str(error),
            expected=f"write def {function}({', '.join(order)}): ..., what else it takes with a default.",
        )
