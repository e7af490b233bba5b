"""Where the batch norms stand: missing, before the convolution, after the ReLU, after the addition."""

from residual.checker.pairs import BlockPair, Component, PathOrder
from residual.checker.rules.rule import Found, Rule
from residual.checker.steps import letters, name_order, ordinal, pick_steps


class NormMissing(Rule):
    id = "norm-missing"
    example = "conv and then ReLU, without BatchNormalization"
    message = "the {place} is missing."
    fix = "put BatchNormalization(axis=3) there."

    def find_in_component(self, component: Component) -> Found:
        if component.lacks_norm and not component.early_norm and not component.stopped:
            order, end = name_order(component.got), component.end
            yield self.at(f"{component.role} batch norm", name_order(component.ref), order, end)

    def find_in_components(self, pair: BlockPair) -> Found:
        for number, before, conv in pair.pre_activations():
            if not pick_steps(before, "norm"):
                place = f"batch norm before the {ordinal(number)} convolution"
                yield self.at(place, "norm, relu, conv", name_order([*before, conv]), conv)


class NormBeforeConvolution(Rule):
    id = "norm-before-convolution"
    example = "BatchNormalization, then Conv2D"
    message = "the {place} stands before its convolution."
    fix = "the order of a component is convolution, batch norm, ReLU."

    def find_in_block(self, pair: BlockPair) -> Found:
        norms = pick_steps(pair.got.shortcut, "norm")
        first = letters(pick_steps(pair.got.shortcut, "conv", "norm"))[:1] == "N"
        is_v2 = pair.path_order is PathOrder.PRE_ACTIVATION
        if pair.shortcuts_compare and first and pick_steps(pair.ref.shortcut, "norm") and not is_v2:
            yield self.at("shortcut's batch norm", "conv, norm", "norm, conv", norms[0])

    def find_in_component(self, component: Component) -> Found:
        if component.lacks_norm and component.early_norm:
            order = name_order(component.ref)
            yield self.at(f"{component.role} batch norm", order, "norm first", component.end)


class NormAfterRelu(Rule):
    id = "norm-after-relu"
    example = "Conv2D, Activation, BatchNormalization (or Conv2D(activation='relu'))"
    message = "the {place} stands after the ReLU."
    fix = "the order is convolution, batch norm, ReLU; leave `activation` out of the Conv2D itself."

    def find_in_component(self, component: Component) -> Found:
        order, place = component.order, f"{component.role} batch norm"
        swapped = "NA" in component.expected_order and -1 < order.find("A") < order.find("N")
        between = component.has_spare_relu and not component.is_last and not component.repeats_relu
        if (swapped and not component.lacks_norm) or (between and "AN" in order):
            norm = pick_steps(component.got, "norm")[-1]
            yield self.at(place, name_order(component.ref), name_order(component.got), norm)

    def find_in_components(self, pair: BlockPair) -> Found:
        for number, before, _ in pair.pre_activations():
            if letters(before).startswith("CAN"):
                norm = pick_steps(before, "norm")[0]
                place = f"batch norm before the {ordinal(number)} convolution"
                yield self.at(place, "conv, norm, relu", name_order(before), norm)


class NormAfterAddition(Rule):
    id = "norm-after-addition"
    example = "Add, BatchNormalization, ReLU"
    message = "there is a batch norm after the addition."
    fix = "remove it: after the Add only the ReLU follows."

    def find_in_tail(self, pair: BlockPair) -> Found:
        for norm in pick_steps(pair.got.tail, "norm"):
            yield self.at("addition", "Add, ReLU", name_order(pair.got.tail), norm)
