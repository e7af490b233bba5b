"""The ReLU: missing, too many, at the wrong place, or another activation."""

from residual.checker.difference import Difference
from residual.checker.pairs import BlockPair, Component, PathOrder
from residual.checker.rules.rule import Found, Rule
from residual.checker.stages import NetworkPair
from residual.checker.steps import Step, letters, ordinal, pick_steps

_LIKE_RELU = ("relu", "relu6", "elu", "silu", "swish", "mish")


class ReluBeforeAddition(Rule):
    id = "relu-before-addition"
    example = "Activation('relu') and then Add"
    message = "the ReLU stands before the addition; it belongs after it."
    fix = "add first, X = Add()([X, X_shortcut]), and then X = Activation('relu')(X)."

    def find_in_block(self, pair: BlockPair) -> Found:
        early = next((component.acts for component in pair.components() if _relu_ends(component)), None)
        if early and pair.has_end and _relu_is_missing(pair):
            yield self.at("last ReLU", "Add, ReLU", "ReLU, Add", early[-1])

    def explains(self, mine: Difference, other: Difference) -> bool:
        two = (ReluOnLastComponent, ReluMissingAfterAddition)
        return mine.block == other.block and isinstance(other.rule, two)


class ReluOnLastComponent(Rule):
    id = "relu-on-last-component"
    example = "conv, batch norm, ReLU also in the third component"
    message = "the last component of the main path has a ReLU of its own; it must reach the sum without one."
    fix = "remove the ReLU after the last batch norm: only the sum is activated."

    def find_in_component(self, component: Component) -> Found:
        if _relu_ends(component):
            last = component.acts[-1]
            yield self.at(f"{component.role} component", "no ReLU", last.name, last)

    def find_in_components(self, pair: BlockPair) -> Found:
        if pair.path_order is PathOrder.PRE_ACTIVATION and letters(pair.got.main).endswith("A"):
            last = pick_steps(pair.got.main, "act")[-1]
            yield self.at("last component", "no ReLU", last.name, last)


class ReluMissingAfterAddition(Rule):
    id = "relu-missing-after-addition"
    example = "return Add()([X, X_shortcut])"
    message = "there is no ReLU after the addition."
    fix = "put X = Activation('relu')(X) after the Add, as the last layer."

    def find_in_tail(self, pair: BlockPair) -> Found:
        if _relu_is_missing(pair):
            tail = pair.got.tail
            yield self.at("last ReLU", "Add, ReLU", "Add", tail[0] if tail else pair.got.merge)


def _relu_ends(component: Component) -> bool:
    return component.is_last and component.has_spare_relu


def _relu_is_missing(pair: BlockPair) -> bool:
    return bool(letters(pair.ref.tail)) and not pick_steps(pair.got.tail, "act")


class ReluMissing(Rule):
    id = "relu-missing"
    example = "conv, batch norm and straight on to the next conv"
    message = "the {place} is missing."
    fix = "put Activation('relu') there: each of these components is convolution, batch norm, ReLU."

    def find_in_component(self, component: Component) -> Found:
        if component.lacks_relu:
            yield self.at(f"{component.role} ReLU", "ReLU", "", component.end)

    def find_in_components(self, pair: BlockPair) -> Found:
        for number, before, conv in pair.pre_activations():
            if not pick_steps(before, "act"):
                yield self.at(f"ReLU before the {ordinal(number)} convolution", "ReLU", "", conv)


class ReluAfterAddition(Rule):
    id = "relu-after-addition"
    example = "Activation after Add in a v2 network"
    message = "there is an activation after the addition; in v2 the sum is handed on as it is."
    fix = "remove it: v2 activates before each convolution and once at the very end."

    def find_in_tail(self, pair: BlockPair) -> Found:
        acts = pick_steps(pair.got.tail, "act")
        if acts and (not letters(pair.ref.tail) or pair.path_order is PathOrder.PRE_ACTIVATION):
            yield self.at("addition", "Add alone", f"Add, {acts[0].name}", acts[0])


class ReluTwice(Rule):
    id = "relu-twice"
    example = "two ReLUs in a row"
    message = "the {place} is followed by a second ReLU, which changes nothing."
    fix = "one of the two can go."
    severity = "note"

    def find_in_component(self, component: Component) -> Found:
        if component.has_spare_relu and not component.is_last and component.repeats_relu:
            yield self.at(f"{component.role} ReLU", "one ReLU", "two", component.acts[-1])

    def find_in_tail(self, pair: BlockPair) -> Found:
        acts = pick_steps(pair.got.tail, "act")
        if letters(pair.ref.tail) and len(acts) > 1 and acts[0].name == "relu":
            yield self.at("last ReLU", "one ReLU", "two", acts[-1])


class OtherActivation(Rule):
    id = "other-activation"
    example = "Activation('sigmoid'), tanh, LeakyReLU, ..."
    message = "the {place} is {got}."
    fix = "use Activation('relu')."

    def find_in_components(self, pair: BlockPair) -> Found:
        if pair.path_order in (PathOrder.ALIKE, PathOrder.COMPARABLE):
            for i, step in enumerate(pick_steps(pair.got.main, "act"), 1):
                yield from self._compare(f"{ordinal(i)} ReLU", step)

    def find_in_tail(self, pair: BlockPair) -> Found:
        acts = pick_steps(pair.got.tail, "act")
        if letters(pair.ref.tail) and acts:
            yield from self._compare("last ReLU", acts[0])

    def find_in_stem(self, pair: NetworkPair) -> Found:
        for act in pick_steps(pair.got.stem, "act")[:1]:
            yield from self._compare("stem's ReLU", act)

    def _compare(self, place: str, act: Step) -> Found:
        if act.name != "relu":
            is_like = act.name.lower().endswith(_LIKE_RELU)
            reason = "a unit like the ReLU, and the author's choice. The paper has the ReLU."
            yield self.at(place, "relu", act.name, act, variant=reason if is_like else "")
