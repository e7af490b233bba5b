"""The padding of convolutions, by what it does to the size and not by its name."""

from collections.abc import Iterator

from residual.checker.difference import Difference
from residual.checker.pairs import BlockPair
from residual.checker.rules.rule import Found, Rule
from residual.checker.stages import NetworkPair
from residual.checker.steps import Step, pick_steps


class Padding(Rule):
    id = "padding"
    example = "padding='valid' (or none given) on the f x f convolution"
    message = "the {place} is padded otherwise than it should be."
    fix = "give it {expected}: then height and width stay as they are."
    changes_shape = True

    def find_in_settings(self, pair: BlockPair) -> Found:
        for role, there, here in pair.all_convs:
            yield from _compare_padding(self, role, there, here)

    def find_in_stem(self, pair: NetworkPair) -> Found:
        there, here = (pick_steps(layout.stem, "conv")[:1] for layout in (pair.ref, pair.got))
        if here and not _is_wide(there[0]):
            yield from _compare_padding(self, "first convolution", there[0], here[0])


class StemPadding(Rule):
    id = "stem-padding"
    example = "no ZeroPadding2D((3, 3))"
    message = "the input is not zero-padded by 3 on each side before the first convolution."
    fix = "start with X = ZeroPadding2D((3, 3))(X_input), and leave the 7x7 convolution unpadded."
    changes_shape = True

    def find_in_stem(self, pair: NetworkPair) -> Found:
        there, here = (pick_steps(layout.stem, "conv")[:1] for layout in (pair.ref, pair.got))
        if here and _is_wide(there[0]) and not is_same_stem(pair):
            yield from _compare_padding(self, "first convolution", there[0], here[0])


class StemPaddedSame(Rule):
    id = "stem-same"
    example = "padding='same' in place of ZeroPadding2D((3, 3)), or in the first pooling"
    message = "the {place} pads as 'same' does. The course pads by hand, so its numbers are others."
    fix = "to get the course's numbers use ZeroPadding2D((3, 3)) and no other padding in the stem."
    severity = "note"
    changes_numbers = True

    def find_in_stem(self, pair: NetworkPair) -> Found:
        conv = pick_steps(pair.got.stem, "conv")[:1]
        if conv and is_same_stem(pair):
            yield self.at("first convolution", "padding by hand", "padding 'same'", conv[0])
        there, here = (pick_steps(layout.stem, "pool")[:1] for layout in (pair.ref, pair.got))
        if there and here and any(here[0].values["pads"]) and not any(there[0].values["pads"]):
            yield self.at("first pooling", "padding by hand", "padding 'same'", here[0])


def is_same_stem(pair: NetworkPair) -> bool:
    """Whether the learner's wide first convolution is padded by "same" where the reference pads by hand."""
    there, here = (pick_steps(layout.stem, "conv")[:1] for layout in (pair.ref, pair.got))
    if not here or not _is_wide(there[0]) or not _is_wide(here[0]):
        return False
    padding, pads = here[0].values["padding"], here[0].values["pads"]
    return padding == "same" and pads != there[0].values["pads"] and "padded_by" not in here[0].values


def _is_wide(conv: Step) -> bool:
    """Whether this is the 7x7 convolution, which the course pads with a layer of its own."""
    return conv.values["kernel"] != (3, 3)


def _compare_padding(rule: Rule, role: str, there: Step, here: Step) -> Iterator[Difference]:
    """A difference in padding: "same" and "valid" are alike for a 1x1 window.

    There is none if the windows, the strides or the inputs' sizes differ: the amounts follow from those.
    """
    alike = all(there.values[key] == here.values[key] for key in ("kernel", "stride"))
    if (
        alike
        and _unpadded_size(there) == _unpadded_size(here)
        and there.values["pads"] != here.values["pads"]
        and not _is_symmetric(here)
    ):
        yield rule.at(role, _format_padding(there), _format_padding(here), here)


def _is_symmetric(conv: Step) -> bool:
    """Whether a strided convolution is padded alike on both sides, as Caffe and PyTorch pad."""
    (height, width), pads = conv.values["kernel"], conv.values["pads"]
    return conv.values["stride"] != (1, 1) and pads == (height // 2, height // 2, width // 2, width // 2)


def _unpadded_size(step: Step) -> tuple[int, ...]:
    """The input's size before a ZeroPadding2D that was folded into the convolution."""
    height, width = step.node.inputs[0].shape[1:3]
    top, bottom, left, right = step.values.get("padded_by", (0, 0, 0, 0))
    return (height - top - bottom, width - left - right)


def _format_padding(step: Step) -> str:
    if "padded_by" not in step.values:
        return f"padding '{step.values['padding']}'"
    top, bottom, left, right = step.values["pads"]
    return f"zeros: {top} above, {bottom} below, {left} left, {right} right"
