"""What else a convolution is given: bias, dilation, weight decay."""

from residual.checker.rules.rule import Found, Rule
from residual.checker.stages import NetworkPair
from residual.checker.steps import Step, pick_steps


class NoBias(Rule):
    id = "no-bias"
    example = "use_bias=False"
    message = (
        "the {place} has no bias. Harmless before a batch norm; the course's parameter counts include it."
    )
    fix = "leave use_bias out to get the course's counts."
    severity = "note"

    def find_in_conv(self, role: str, conv: Step) -> Found:
        if not conv.values["bias"]:
            yield self.at(role, "a bias", "use_bias=False", conv)


class UnusualConvolution(Rule):
    id = "unusual-convolution"
    example = "dilation_rate or groups"
    message = "the {place} is dilated or grouped."
    fix = "leave dilation_rate and groups out."

    def find_in_conv(self, role: str, conv: Step) -> Found:
        if not conv.values["plain"]:
            yield self.at(role, "dilation 1, groups 1", "another", conv)


class Frozen(Rule):
    id = "frozen"
    example = "layer.trainable = False"
    message = "the {place} is frozen: it will not learn."
    fix = "leave `trainable` out."

    def find_in_conv(self, role: str, conv: Step) -> Found:
        if not conv.operation.trainable:
            yield self.at(role, "trainable", "trainable=False", conv)

    def find_in_norm(self, role: str, norm: Step) -> Found:
        if norm.is_batch_norm and not norm.operation.trainable:
            yield self.at(role, "trainable", "trainable=False", norm)


class Regularizer(Rule):
    id = "regularizer"
    example = "no kernel_regularizer, though the notebook has L2"
    message = "the kernels have another weight decay than the notebook's, L2 of 1e-4."
    fix = "kernel_regularizer=keras.regularizers.L2(1e-4) repeats the notebook's training."
    severity = "note"

    def find_in_right_network(self, pair: NetworkPair) -> Found:
        expected, got = (
            {step.values["l2"] for step in pick_steps(layout.steps, "conv")}
            for layout in (pair.ref, pair.got)
        )
        if expected != {0.0} and any(abs(value - 1e-4) >= 1e-9 for value in got):
            yield self.at("convolutions", "L2(1e-4)", ", ".join(f"{value:g}" for value in got))
