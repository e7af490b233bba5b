"""The shortcut: it starts too late, lacks its convolution or has a layer too many."""

from residual.checker.difference import Difference
from residual.checker.pairs import BlockPair, PathOrder
from residual.checker.rules.order import ExtraLayer
from residual.checker.rules.rule import Found, Rule
from residual.checker.rules.settings import format_setting
from residual.checker.rules.strides import StrideMissingOnShortcut, StrideRule
from residual.checker.steps import letters, name_layers, ordinal, pick_steps

_KINDS = {"conv": "convolution", "norm": "batch norm", "act": "activation"}


class ShortcutTakenLate(Rule):
    id = "shortcut-taken-late"
    example = "X_shortcut = X below the first convolution"
    message = "the shortcut is taken {got}, and not from the block's input."
    fix = "move X_shortcut = X to the top, before the first layer of the main path."
    changes_shape = True

    def find_in_block(self, pair: BlockPair) -> Found:
        late = pair.got.late
        if pair.path_order is PathOrder.PRE_ACTIVATION and letters(late) == "NA":
            return  # v2 projects what it has activated
        if pair.has_shortcut and late and len(letters(late)) > len(letters(pair.ref.late)):
            role = ordinal(max(len(pick_steps(late, "conv")), 1))
            kind = _KINDS.get(late[-1].kind, late[-1].name)
            yield self.at("shortcut", "from the input", f"after the {role} {kind}", late[-1])


class ReluOnShortcut(Rule):
    id = "relu-on-shortcut"
    example = "X_shortcut = Activation('relu')(X_shortcut)"
    message = "there is an activation on the shortcut ({got})."
    fix = "remove it: the shortcut is linear."

    def find_in_block(self, pair: BlockPair) -> Found:
        is_v2 = pair.path_order is PathOrder.PRE_ACTIVATION and letters(pair.got.shortcut) == "NAC"
        if pair.has_shortcut and not is_v2:
            for step in pick_steps(pair.got.shortcut, "act"):
                yield self.at("shortcut", "no activation", step.name, step)


class ShortcutNotProjected(Rule):
    id = "shortcut-not-projected"
    example = "Add()([X, X_shortcut]), and X_shortcut is still the input"
    message = "the {place} has no convolution, so its shape is not the main path's."
    fix = "put a 1x1 convolution with the last filter count and the block's stride on the shortcut."
    changes_shape = True

    def find_in_block(self, pair: BlockPair) -> Found:
        if (
            pair.has_shortcut
            and pair.ref.projects
            and not pair.got.projects
            and not _fits_without_weights(pair)
        ):
            yield self.at("shortcut", "a 1x1 convolution", name_layers(pair.got.shortcut), pair.got.merge)

    def explains(self, mine: Difference, other: Difference) -> bool:
        """In a network this is an identity block, which takes no stride."""
        return mine.block != "" and mine.block == other.block and isinstance(other.rule, StrideRule)


class ShortcutWithoutWeights(Rule):
    id = "shortcut-without-weights"
    example = "every second pixel, and zeros for the new channels (option A of the paper)"
    message = "the {place} is fitted without weights ({got}): option A of the paper. The course projects it."
    fix = "nothing is wrong. For the course's network use a 1x1 convolution and a batch norm."
    severity = "note"
    changes_numbers = True

    def find_in_block(self, pair: BlockPair) -> Found:
        if pair.has_shortcut and pair.ref.projects and not pair.got.projects and _fits_without_weights(pair):
            yield self.at("shortcut", "a 1x1 convolution", name_layers(pair.got.shortcut), pair.got.merge)

    def explains(self, mine: Difference, other: Difference) -> bool:
        """Padding and pooling are the layers by which it is fitted."""
        return mine.block == other.block and isinstance(other.rule, ExtraLayer) and "shortcut" in other.place


def _fits_without_weights(pair: BlockPair) -> bool:
    """Whether layers without weights give the shortcut the shape of the main path."""
    path, merge = pair.got.shortcut, pair.got.merge
    return bool(path) and merge.output is not None and not pick_steps(path, "norm", "act")


class ShortcutPooled(Rule):
    id = "pooled-shortcut"
    example = "AveragePooling2D(2) on the shortcut, and then a convolution with stride 1"
    message = "the {place} is pooled before it is projected."
    fix = "give the shortcut's convolution the stride in place of the pooling."
    reason = "ResNet-D pools there, so that no pixel is lost. The paper gives the convolution the stride."

    def find_in_block(self, pair: BlockPair) -> Found:
        for there, here in pair.shortcut_convs if pair.shortcuts_compare else ():
            pools = pick_steps(pair.got.shortcut, "pool")
            stride = there.values["stride"]
            if [pool.values["stride"] for pool in pools] == [stride] and here.values["stride"] == (1, 1):
                yield self.at(
                    "shortcut", format_setting("stride", stride), pools[0].name, pools[0], variant=self.reason
                )

    def explains(self, mine: Difference, other: Difference) -> bool:
        """The pooling takes the stride in place of the convolution."""
        follows = isinstance(other.rule, ExtraLayer | StrideMissingOnShortcut) and "shortcut" in other.place
        return mine.block == other.block and follows


class ConvOnIdentityShortcut(Rule):
    id = "conv-on-identity-shortcut"
    example = "X_shortcut = Conv2D(F3, 1)(X_shortcut) in an identity block"
    message = "the {place} has a convolution; here it must be the input itself."
    fix = "remove the layers from the shortcut and add the saved input as it is."

    def find_in_block(self, pair: BlockPair) -> Found:
        if pair.has_shortcut and pair.got.projects and not pair.ref.projects:
            path = pair.got.shortcut
            is_first = getattr(pair, "number", 0) == 1
            reason = "the first block of a stage may project though its shape stays. The paper's does not."
            variant = reason if is_first else ""
            yield self.at("shortcut", "the input itself", name_layers(path), path[0], variant=variant)


class NormMissingOnShortcut(Rule):
    id = "norm-missing-shortcut"
    example = "X_shortcut = Conv2D(...)(X_shortcut) and nothing more"
    message = "the convolution on the shortcut has no batch norm after it."
    fix = "add X_shortcut = BatchNormalization(axis=3)(X_shortcut)."
    reason = "the paper has one there, and some leave it out. To follow the paper add a BatchNormalization."

    def find_in_block(self, pair: BlockPair) -> Found:
        there, here = pair.ref.shortcut, pair.got.shortcut
        is_v2 = pair.path_order is PathOrder.PRE_ACTIVATION  # which has none there
        if (
            pair.shortcuts_compare
            and pick_steps(there, "norm")
            and not pick_steps(here, "norm")
            and not is_v2
        ):
            yield self.at("shortcut", name_layers(there), name_layers(here), here[-1], variant=self.reason)


class NormOnProjection(Rule):
    id = "norm-on-projection"
    example = "batch norm after the shortcut's convolution in a v1 network"
    message = "there is a batch norm on the {place}, as in the paper; the notebook has none there."
    fix = "to repeat the notebook leave it out (batch_normalization=False)."
    severity = "note"
    changes_numbers = True

    def find_in_block(self, pair: BlockPair) -> Found:
        if _has_paper_norm(pair):
            there, here = pair.ref.shortcut, pair.got.shortcut
            yield self.at("shortcut", name_layers(there), name_layers(here), here[-1])


def _has_paper_norm(pair: BlockPair) -> bool:
    """Whether a projection of v1 has a norm after it, and the reference's has none."""
    expected = pick_steps(pair.ref.shortcut, "norm")
    return (
        pair.shortcuts_compare and bool(pair.ref.tail) and not expected and letters(pair.got.shortcut) == "CN"
    )


class NormOnShortcut(Rule):
    id = "norm-on-shortcut"
    example = "batch norm on a shortcut that has none"
    message = "there is a batch norm on the {place}; the reference has none there."
    fix = "remove it (in resnet_layer: batch_normalization=False for the shortcut)."

    def find_in_block(self, pair: BlockPair) -> Found:
        there, here = pair.ref.shortcut, pair.got.shortcut
        expected, norms = pick_steps(there, "norm"), pick_steps(here, "norm")
        first = letters(pick_steps(here, "conv", "norm"))[:1] == "N"
        if _has_paper_norm(pair):
            return
        if pair.shortcuts_compare and len(norms) > len(expected) and not (first and expected):
            yield self.at("shortcut", name_layers(there), name_layers(here), norms[-1])
