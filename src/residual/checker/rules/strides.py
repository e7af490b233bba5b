"""The stride of a block: missing, on another convolution, on several, or another number."""

from residual.checker.pairs import BlockPair, CallArguments
from residual.checker.rules.rule import Found, Rule
from residual.checker.rules.settings import (
    compare_one_by_one,
    compare_setting,
    format_setting,
    format_settings,
    setting_values,
)
from residual.checker.steps import ordinal

_STILL = (1, 1)


class StrideRule(Rule):
    """A rule about the strides of a block; `has_...` say how the whole main path differs."""

    changes_shape = True

    def has_none(self, pair: BlockPair) -> bool:
        there, here = setting_values(pair.main_convs, "stride")
        return pair.complete and there[:1] != [_STILL] and set(here) == {_STILL}

    def has_moved(self, pair: BlockPair) -> bool:
        there, here = setting_values(pair.main_convs, "stride")
        return pair.complete and there != here and sorted(there) == sorted(here)

    def has_several(self, pair: BlockPair) -> bool:
        there, here = setting_values(pair.main_convs, "stride")
        return (
            there != here and there[0] != _STILL and here[0] == there[0] and set(here) <= {there[0], _STILL}
        )


class StrideMissingOnMain(StrideRule):
    id = "stride-missing-main"
    example = "strides=(1,1) on the first convolution of a convolutional block"
    message = "no convolution of the main path takes the stride s."
    fix = "give the 1st convolution strides=(s, s)."

    def find_in_settings(self, pair: BlockPair) -> Found:
        if self.has_none(pair):
            there, here = pair.main_convs[0]
            yield compare_setting(self, "1st convolution", "stride", there, here)


class StrideMissingOnShortcut(StrideRule):
    id = "stride-missing-shortcut"
    example = "strides left out of the shortcut's convolution"
    message = "the convolution on the shortcut does not take the stride s."
    fix = "give it strides=(s, s), as the 1st convolution of the main path has."

    def find_in_settings(self, pair: BlockPair) -> Found:
        for there, here in pair.shortcut_convs:
            if there.values["stride"] != here.values["stride"] == _STILL:
                yield compare_setting(self, "shortcut's convolution", "stride", there, here)


class StrideOnWrongConvolution(StrideRule):
    id = "stride-on-wrong-convolution"
    example = "strides=(s, s) on the second or third convolution"
    message = "the stride is on the {place}."
    fix = "move strides=(s, s) to the 1st convolution of the main path (the 3x3 strides in ResNet v1.5 only)."

    def find_in_settings(self, pair: BlockPair) -> Found:
        if self.has_moved(pair):
            there, here = setting_values(pair.main_convs, "stride")
            i = here.index(there[0])
            stride, place = format_setting("stride", there[0]), ordinal(i + 1)
            got = f"{stride} on the {place}"
            is_v1_5 = i == 1 and len(here) == 3
            reason = (
                "the 3x3 convolution strides in ResNet v1.5. The paper's first version has it on the 1x1."
            )
            yield self.at(
                f"{place} convolution",
                "stride on the 1st",
                got,
                pair.main_convs[i][1],
                variant=reason if is_v1_5 else "",
            )


class StrideOnEveryConvolution(StrideRule):
    id = "stride-on-every-convolution"
    example = "strides=(s, s) on all three convolutions"
    message = "several convolutions of the main path take the stride, so the size shrinks several times."
    fix = "only the 1st has strides=(s, s); the others have (1, 1)."

    def find_in_settings(self, pair: BlockPair) -> Found:
        if self.has_several(pair):
            there, here = setting_values(pair.main_convs, "stride")
            second = pair.main_convs[here.index(there[0], 1)][1]
            expected, got = format_settings("stride", there), format_settings("stride", here)
            yield self.at("main path", expected, got, second)


class WrongStride(StrideRule):
    id = "wrong-stride"
    example = "another number than s (or 1)"
    message = "the {place} has another stride."
    fix = "give it {expected}."
    follows_arguments = True

    def find_in_settings(self, pair: BlockPair) -> Found:
        if pair.main_convs and not any(
            differs(pair) for differs in (self.has_none, self.has_moved, self.has_several)
        ):
            yield from compare_one_by_one(self, "stride", pair.main_convs)
        for there, here in pair.shortcut_convs:
            if there.values["stride"] != here.values["stride"] != _STILL:
                yield compare_setting(self, "shortcut's convolution", "stride", there, here)


class StrideFixed(Rule):
    id = "stride-fixed"
    example = "def convolutional_block(X, f, filters), and no stride in it"
    message = "the block takes no stride and keeps the size: it changes the number of channels alone."
    fix = "if it is to halve height and width, give it an argument s, and strides=(s, s) where it projects."
    severity = "note"

    def find_in_call(self, call: CallArguments) -> Found:
        if not call.has_stride and all(conv.values["stride"] == _STILL for _, conv in call.convs):
            yield self.at("stride", "an argument s", "stride 1")
