"""The depth of a CIFAR network: the rule for its blocks, and depths that there are not."""

from residual.checker.pairs import DepthTrial
from residual.checker.rules.rule import Found, Rule


class DepthRule(Rule):
    id = "depth-rule"
    example = "n = depth // 6"
    message = "the number of blocks does not follow the depth: {place} has {got}, not {expected}."
    fix = "v1: n = (depth - 2) // 6 blocks in each of three stages; v2: n = (depth - 2) // 9."

    def find_in_depths(self, trial: DepthTrial) -> Found:
        if trial.got != trial.expected:
            yield self.at(f"depth {trial.depth}", f"{trial.expected} blocks", f"{trial.got} blocks")


class DepthUnchecked(Rule):
    id = "depth-unchecked"
    example = "any depth is taken"
    message = "a depth that fits no network ({got}) is taken without an error."
    fix = "raise ValueError unless depth is 6n + 2 (v1) or 9n + 2 (v2)."
    severity = "note"

    def find_in_depths(self, trial: DepthTrial) -> Found:
        if trial.accepted:
            yield self.at("depth", "ValueError", f"depth={trial.wrong_depth}")
