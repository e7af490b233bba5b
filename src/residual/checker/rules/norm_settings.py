"""What a batch norm is given: epsilon, axis, momentum, scale and shift; and layers that take its place."""

from collections.abc import Sequence

from residual.checker.rules.rule import Found, Rule
from residual.checker.steps import Step

EPSILONS = (1e-3, 1e-6)  # Keras's default, and the one of the course's own batch norm
MOMENTA = (0.99, 0.9)  # the same two
_OWN_CHOICE = "a number in this range is the author's choice. The course and Keras have others."
_GROUP = "it is a choice for small batches. The paper has batch norms."


def _is_near(value, allowed: Sequence[float]) -> bool:
    return value is None or any(abs(value - one) <= 1e-4 * one for one in allowed)


class OtherNormalization(Rule):
    id = "other-normalization"
    example = "LayerNormalization, GroupNormalization, ..."
    message = "the {place} is a {got}."
    fix = "use BatchNormalization(axis=3)."

    def find_in_norm(self, role: str, norm: Step) -> Found:
        if not norm.is_batch_norm:
            variant = _GROUP if norm.values["type"] == "GroupNormalization" else ""
            yield self.at(role, "BatchNormalization", norm.values["type"], norm, variant=variant)


class Epsilon(Rule):
    id = "epsilon"
    example = "BatchNormalization(epsilon=...)"
    message = "the {place} has another epsilon."
    fix = "leave epsilon out (Keras: 1e-3), or take the course's 1e-6."

    def find_in_norm(self, role: str, norm: Step) -> Found:
        value = norm.values.get("epsilon")
        if not _is_near(value, EPSILONS):
            variant = _OWN_CHOICE if value < 1e-2 else ""
            yield self.at(role, "1e-3 (or 1e-6)", f"{value:g}", norm, variant=variant)


class Axis(Rule):
    id = "axis"
    example = "BatchNormalization(axis=1)"
    message = "the {place} normalizes another axis than the channels."
    fix = "use axis=3 (or -1, the default): images are (n, height, width, channels)."

    def find_in_norm(self, role: str, norm: Step) -> Found:
        channels = len(norm.node.inputs[0].shape) - 1
        if norm.values.get("axis", channels) != channels:
            yield self.at(role, "axis=3", f"axis={norm.values['axis']}", norm)


class Momentum(Rule):
    id = "momentum"
    example = "BatchNormalization(momentum=...)"
    message = "the {place} has another momentum, so its moving statistics move at another pace."
    fix = "leave momentum out (Keras: 0.99), or take the course's 0.9."

    def find_in_norm(self, role: str, norm: Step) -> Found:
        value = norm.values.get("momentum")
        if not _is_near(value, MOMENTA):
            variant = _OWN_CHOICE if 0.8 <= value < 1 else ""
            yield self.at(role, "0.99 (or 0.9)", f"{value:g}", norm, variant=variant)


class NoScaleOrShift(Rule):
    id = "no-scale-or-shift"
    example = "BatchNormalization(scale=False) or center=False"
    message = "the {place} has no learned scale or shift."
    fix = "leave `scale` and `center` out."

    def find_in_norm(self, role: str, norm: Step) -> Found:
        if not norm.values.get("affine", True):
            yield self.at(role, "scale and center", "one of them off", norm)
