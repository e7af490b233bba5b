"""A layer that is called on the wrong tensor, or a result that is kept under the wrong name."""

from residual.checker.difference import Difference
from residual.checker.pairs import BlockPair
from residual.checker.rules.rule import Found, Rule
from residual.checker.steps import Step, letters, ordinal, pick_steps

_KINDS = {"conv": "convolution", "norm": "batch norm", "act": "ReLU"}


class WrongTensorRule(Rule):
    """A rule about a mistake in one line from which every other difference of the block follows."""

    changes_shape = True

    def explains(self, mine: Difference, other: Difference) -> bool:
        return mine.block == other.block and not isinstance(other.rule, WrongTensorRule)


class ShortcutFromMainPath(WrongTensorRule):
    id = "shortcut-called-on-main-path"
    example = "X_shortcut = Conv2D(F3, 1, strides=s)(X), or its batch norm called on X"
    message = "the {place} is called on X, the end of the main path, and not on X_shortcut."
    fix = "call it on the shortcut: X_shortcut = ...(X_shortcut)."

    def find_in_block(self, pair: BlockPair) -> Found:
        late, branch = pair.got.late, pair.got.branch
        is_whole = len(pick_steps(late, "conv")) >= len(pair.ref.convs) > 0
        is_projection = pair.ref.projects and letters(branch) in ("C", "CN", "N", "CA", "CNA")
        if pair.has_shortcut and is_projection and is_whole and not pair.got.shortcut:
            yield self.at(f"shortcut's {_KINDS[branch[0].kind]}", "X_shortcut", "X", branch[0])


class MainPathFromShortcut(WrongTensorRule):
    id = "main-path-called-on-shortcut"
    example = "X = Conv2D(F2, f)(X_shortcut) in the second component"
    message = "the {place} is called on X_shortcut, the block's input: the layers before it are lost."
    fix = "call it on X, the result of the layer before."

    def find_in_block(self, pair: BlockPair) -> Found:
        first = _find_restart(pair)
        if first is not None and not _replaces_main_path(pair):
            count = len(pick_steps(pair.got.lost, "conv")) + (first.kind == "conv")
            place = f"{ordinal(max(count, 1))} {_KINDS.get(first.kind, first.name)}"
            yield self.at(place, "X", "X_shortcut", first)


class ShortcutKeptAsMainPath(WrongTensorRule):
    id = "shortcut-kept-as-main-path"
    example = "X = Conv2D(F3, 1, strides=s)(X_shortcut)"
    message = "the result of the shortcut's convolution is kept as X, so the main path is lost."
    fix = "keep it as X_shortcut: X_shortcut = Conv2D(...)(X_shortcut)."

    def find_in_block(self, pair: BlockPair) -> Found:
        first = _find_restart(pair)
        if first is not None and _replaces_main_path(pair):
            yield self.at("shortcut's convolution", "X_shortcut = ...", "X = ...", first)


def _find_restart(pair: BlockPair) -> Step | None:
    """The first layer of the main path, if other layers were called on the way to it in vain."""
    got = pair.got
    if not got.main or not got.lost or got.oddity or len(got.convs) >= len(pair.ref.convs):
        return None
    first, lost = got.main[0], got.lost[0]
    lines = first.node.line, lost.node.line
    is_later = None not in lines and lines[1] < lines[0]
    return first if is_later and pick_steps(got.lost, "conv", "norm") else None


def _replaces_main_path(pair: BlockPair) -> bool:
    lost = len(pick_steps(pair.got.lost, "conv"))
    return pair.ref.projects and lost == len(pair.ref.convs) and not pair.got.shortcut
