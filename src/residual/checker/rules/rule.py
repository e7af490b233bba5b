"""What a rule is: the words for one mistake and the function that finds it, in one class."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from residual.checker.difference import Difference
from residual.checker.steps import Step

if TYPE_CHECKING:
    from residual.checker.pairs import BlockPair, CallArguments, CaseResult, Component, DepthTrial, Result
    from residual.checker.stages import NetworkPair, StagePair

Found = Iterable[Difference]


class Rule:
    """One mistake that a learner can make.

    A rule implements one or more of the `find_in_...` functions. The checker calls each of them with the part
    of the graph that its name says, the rules in the order of the table `rules.RULES`.

    Attributes:
        id: the name that is shown in brackets and in JSON. The checker's logic never reads it.
        example: what the code looks like.
        message: what is wrong. {place} is the role of the layer ("2nd convolution"), {expected} and {got} are
            the two values.
        fix: what to change, with the same placeholders.
        severity: a "note" is printed and does not make a block wrong.
        changes_shape: the mistake changes a shape, so Keras can stop at it with an error.
        follows_arguments: the layer's setting comes from an argument of the function. If it is right in the
            first call and wrong in another, it is a number in the code.
        settles_place: what else differs at the same place in later calls follows from this mistake.
        changes_numbers: what the rule notes is right and gives other numbers, so numbers are not compared.
        message_has_values: the message holds both values, so they are not shown again.
    """

    id: ClassVar[str]
    example: ClassVar[str]
    message: ClassVar[str]
    fix: ClassVar[str]
    severity: ClassVar[Literal["mistake", "note"]] = "mistake"
    changes_shape: ClassVar[bool] = False
    follows_arguments: ClassVar[bool] = False
    settles_place: ClassVar[bool] = False
    changes_numbers: ClassVar[bool] = False
    message_has_values: ClassVar[bool] = False

    def __eq__(self, other) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    @property
    def is_note(self) -> bool:
        return self.severity == "note"

    def at(
        self, place: str = "", expected: str = "", got: str = "", step: Step | None = None, **more
    ) -> Difference:
        """The difference that this rule has found at a place."""
        return Difference(self, place, expected, got, step, **more)

    # One block.

    def find_in_block(self, pair: "BlockPair") -> Found:
        """Compare the addition, the shortcut and the order of the main path as a whole."""
        return ()

    def find_in_component(self, component: "Component") -> Found:
        """Compare the layers around one convolution of the main path."""
        return ()

    def find_in_components(self, pair: "BlockPair") -> Found:
        """Compare the layers of the main path after all its components."""
        return ()

    def find_in_tail(self, pair: "BlockPair") -> Found:
        """Compare what follows the addition. Called only if the learner's block got that far."""
        return ()

    def find_in_settings(self, pair: "BlockPair") -> Found:
        """Compare the settings of convolutions that have the same role in both blocks."""
        return ()

    def find_in_conv(self, role: str, conv: Step) -> Found:
        """Look at one convolution of the learner's."""
        return ()

    # A block or a network.

    def find_in_norm(self, role: str, norm: Step) -> Found:
        """Look at one normalization of the learner's."""
        return ()

    def find_in_call(self, call: "CallArguments") -> Found:
        """Look whether what was passed to the function has reached its layers."""
        return ()

    def find_in_result(self, result: "Result") -> Found:
        """Look at what the function returned. What is found here ends the check of the function."""
        return ()

    def find_in_defaults(self, defaults: dict) -> Found:
        """Look at the defaults of the block's arguments."""
        return ()

    # A network.

    def find_in_stem(self, pair: "NetworkPair") -> Found:
        """Compare what precedes the first block."""
        return ()

    def find_in_network(self, pair: "NetworkPair") -> Found:
        """Compare the numbers of stages and blocks."""
        return ()

    def find_in_stage(self, pair: "StagePair") -> Found:
        """Compare what a block was given by its stage."""
        return ()

    def find_in_head(self, pair: "NetworkPair") -> Found:
        """Compare what follows the last block."""
        return ()

    def find_in_right_network(self, pair: "NetworkPair") -> Found:
        """Look at a network in which no rule has found a mistake."""
        return ()

    def find_in_depths(self, trial: "DepthTrial") -> Found:
        """Look at networks of other depths that the function has built."""
        return ()

    # Several differences at once.

    def explains(self, mine: Difference, other: Difference) -> bool:
        """Whether `other` follows from `mine`, a difference that this rule has found: then it is dropped."""
        return False

    def restate(
        self, difference: Difference, cases: Sequence["CaseResult"], number: int
    ) -> Difference | None:
        """Another rule's difference as this rule's, because of what several calls of a block show together.

        Args:
            difference: found in `cases[number]`.
            cases: all calls that were compared.
            number: counts from 0.
        """
        return None
