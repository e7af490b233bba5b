"""The addition: the shortcut is not added, or not in this way."""

from residual.checker.pairs import BlockPair
from residual.checker.rules.rule import Found, Rule
from residual.checker.stages import NetworkPair


class ShortcutNotAdded(Rule):
    id = "shortcut-not-added"
    example = "no Add at all: a plain block"
    message = "the shortcut is never added, so this is a plain block, not a residual one."
    fix = "save the input first (X_shortcut = X) and end with X = Add()([X, X_shortcut]), then the ReLU."

    def find_in_block(self, pair: BlockPair) -> Found:
        main = pair.got.main
        if pair.got.merge is None and pair.ref.merge is not None and not pair.got.stopped:
            yield self.at("addition", "Add", "", main[-1] if main else None)

    def find_in_network(self, pair: NetworkPair) -> Found:
        if pair.is_plain:
            yield self.at("network", "Add")


class Concatenated(Rule):
    id = "concatenated"
    example = "Concatenate()([X, X_shortcut])"
    message = "the shortcut is concatenated, not added: the channels of both stand side by side."
    fix = "use Add()([X, X_shortcut]) in place of Concatenate."

    def find_in_block(self, pair: BlockPair) -> Found:
        merge = pair.got.merge
        if merge is not None and merge.name == "concatenate":
            yield self.at("addition", "Add", merge.name, merge)


class Multiplied(Rule):
    id = "multiplied"
    example = "Multiply()([X, X_shortcut])"
    message = "the shortcut is multiplied, not added."
    fix = "use Add()([X, X_shortcut]) in place of Multiply."

    def find_in_block(self, pair: BlockPair) -> Found:
        merge = pair.got.merge
        if merge is not None and merge.name == "multiply":
            yield self.at("addition", "Add", merge.name, merge)


class OtherMerge(Rule):
    id = "other-merge"
    example = "Average, Maximum, Subtract ... of X and X_shortcut"
    message = "the main path and the shortcut meet in {got}, and not in an addition."
    fix = "use Add()([X, X_shortcut])."

    def find_in_block(self, pair: BlockPair) -> Found:
        merge = pair.got.merge
        if merge is not None and merge.name not in ("add", "concatenate", "multiply"):
            yield self.at("addition", "Add", merge.name, merge)


class AddedToItself(Rule):
    id = "added-to-itself"
    example = "Add()([X, X])"
    message = "the main path is added to itself; the shortcut is not in the sum."
    fix = "save the input before the first convolution (X_shortcut = X) and add that: Add()([X, X_shortcut])."

    def find_in_block(self, pair: BlockPair) -> Found:
        if pair.got.oddity == "same":
            yield self.at("addition", "the main path and the shortcut", "one tensor twice", pair.got.merge)


class MainPathUnused(Rule):
    id = "main-path-unused"
    example = "Add()([X_shortcut, X_shortcut]), or the return of the wrong variable"
    message = "the output does not depend on the convolutions of the main path."
    fix = (
        "add the result of the third component, Add()([X, X_shortcut]), and return what the last ReLU gives."
    )

    def find_in_block(self, pair: BlockPair) -> Found:
        if pair.got.oddity == "unused":
            yield self.at("addition", "the main path and the shortcut", "", pair.got.merge)


class ExtraAddition(Rule):
    id = "extra-addition"
    example = "two Adds, or Add of three tensors"
    message = "there is more than one addition in the block: {got}."
    fix = "add the shortcut once, after the last batch norm of the main path."

    def find_in_block(self, pair: BlockPair) -> Found:
        if pair.got.oddity == "extra":
            inputs = len(pair.got.merge.node.inputs)
            what = f"{inputs} tensors are added" if inputs > 2 else "a second one inside the main path"
            yield self.at("addition", "one addition of two tensors", what, pair.got.merge)
