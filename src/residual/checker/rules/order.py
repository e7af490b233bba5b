"""The order of the layers on the main path, and layers that do not belong there."""

from residual.checker.difference import Difference
from residual.checker.pairs import BlockPair, Component, PathOrder
from residual.checker.rules.norm_order import NormMissing
from residual.checker.rules.relu import (
    ReluAfterAddition,
    ReluMissing,
    ReluMissingAfterAddition,
    ReluOnLastComponent,
)
from residual.checker.rules.rule import Found, Rule
from residual.checker.stages import NetworkPair
from residual.checker.steps import Step, count_noun, name_layers, name_order, pick_steps


class PreActivationOrder(Rule):
    id = "pre-activation-order"
    example = "batch norm, ReLU, conv (the order of v2)"
    message = "the components run batch norm, ReLU, convolution: the order of ResNet v2."
    fix = "in this block the order is convolution, batch norm, ReLU."

    def find_in_block(self, pair: BlockPair) -> Found:
        if pair.path_order is PathOrder.PRE_ACTIVATION:
            there, here = pair.ref.main, pair.got.main
            reason = "it is the order of ResNet v2, and all else is compared in that order."
            yield self.at("main path", name_order(there), name_order(here), here[0], variant=reason)

    def explains(self, mine: Difference, other: Difference) -> bool:
        """The order of v2 has no ReLU after the sum."""
        return mine.block == other.block and isinstance(other.rule, ReluMissingAfterAddition)


class PostActivationOrder(Rule):
    id = "post-activation-order"
    example = "conv, batch norm, ReLU in a v2 network"
    message = "the components run convolution, batch norm, ReLU: the order of v1."
    fix = "in v2 the order is batch norm, ReLU, convolution (conv_first=False)."

    def find_in_block(self, pair: BlockPair) -> Found:
        if pair.path_order is PathOrder.POST_ACTIVATION:
            there, here = pair.ref.main, pair.got.main
            yield self.at("main path", name_order(there), name_order(here), here[0])

    def explains(self, mine: Difference, other: Difference) -> bool:
        """If one block of a network has the order of v1, so have the others: this is what shows in them."""
        signs = (NormMissing, ReluMissing, ReluOnLastComponent, ReluAfterAddition, ExtraLayer)
        return other.block != "" and isinstance(other.rule, signs)


class ConvolutionCount(Rule):
    id = "convolution-count"
    example = "a component forgotten or repeated"
    message = "the main path has {got}, not {expected}."
    fix = "write one component per entry of filters."
    changes_shape = True

    def find_in_block(self, pair: BlockPair) -> Found:
        path, there, here = pair.got.shortcut, pair.ref, pair.got
        if pair.shortcuts_compare and len(pick_steps(path, "conv")) > len(pick_steps(there.shortcut, "conv")):
            yield self.at("shortcut", "1 convolution", name_layers(path), path[0])
        if pair.path_order is PathOrder.OTHER_COUNT:
            expected, got = (count_noun(len(block.convs), "convolution") for block in (there, here))
            yield self.at("main path", expected, got, here.main[-1] if here.main else None)


_MAIN, _STEM = ("conv", "norm", "act"), ("conv", "norm", "act", "pool")


class ExtraLayer(Rule):
    id = "extra-layer"
    example = "Dropout, pooling, an unknown layer on the way"
    message = "there is a layer here that the reference does not have: {got}, at the {place}."
    fix = "remove it."

    def find_in_block(self, pair: BlockPair) -> Found:
        if pair.shortcuts_compare:
            yield from self._find_strangers(pair.got.shortcut, "shortcut", _MAIN)

    def find_in_component(self, component: Component) -> Found:
        place = f"{component.role} component"
        if component.spare_norm:
            yield self.at(place, name_order(component.ref), "a second batch norm", component.end)
        elsewhere = component.is_last or component.repeats_relu or "AN" in component.order
        if component.has_spare_relu and not elsewhere:
            yield self.at(place, "", component.acts[0].name, component.acts[0])

    def find_in_components(self, pair: BlockPair) -> Found:
        if pair.path_order is PathOrder.COMPARABLE:
            yield from self._find_strangers(pair.got.main, "main path", _MAIN)

    def find_in_tail(self, pair: BlockPair) -> Found:
        yield from self._find_strangers(pair.got.tail, "addition", _MAIN)
        for conv in pick_steps(pair.got.tail, "conv"):
            yield self.at("end of the block", "", "Conv2D", conv)

    def find_in_stem(self, pair: NetworkPair) -> Found:
        pools = pick_steps(pair.got.stem, "pool")
        if pools and not pick_steps(pair.ref.stem, "pool"):
            yield self.at("stem", "", pools[0].name, pools[0])
        yield from self._find_strangers(pair.got.stem, "stem", _STEM)

    def find_in_head(self, pair: NetworkPair) -> Found:
        head = pair.got.head
        denses, pools = pick_steps(head, "dense"), pick_steps(head, "pool")
        for step in [*pick_steps(head, "conv", "other", "pad", "merge"), *denses[:-1], *pools[1:]]:
            if not step.values.get("dropout"):
                own_head = "a head of one's own: the paper's has one pooling and one dense layer."
                yield self.at("head", "", step.name, step, variant=own_head)

    def _find_strangers(self, path: list[Step], place: str, kinds: tuple[str, ...]) -> Found:
        for step in path:
            if step.kind not in kinds:
                own_dropout = "dropout between convolutions is the author's choice. The paper has none."
                variant = own_dropout if step.values.get("dropout") else ""
                yield self.at(place, "", step.name, step, variant=variant)
