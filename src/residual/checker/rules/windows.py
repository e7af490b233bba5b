"""The windows of a block's convolutions: f x f on another one, or another size."""

from residual.checker.pairs import BlockPair
from residual.checker.rules.rule import Found, Rule
from residual.checker.rules.settings import (
    compare_one_by_one,
    compare_setting,
    format_settings,
    setting_values,
)
from residual.checker.steps import ordinal


def _has_moved(pair: BlockPair) -> bool:
    """Whether the windows are the right ones in another order."""
    there, here = setting_values(pair.main_convs, "kernel")
    return pair.complete and len(set(there)) == 2 and there != here and sorted(there) == sorted(here)


class KernelOnWrongConvolution(Rule):
    id = "kernel-on-wrong-convolution"
    example = "kernel_size=(f, f) on the first or third convolution"
    message = "the f x f window is on the {place}."
    fix = "the 2nd convolution is f x f, the 1st and the 3rd are 1x1."
    changes_shape = True

    def find_in_settings(self, pair: BlockPair) -> Found:
        if _has_moved(pair):
            there, here = setting_values(pair.main_convs, "kernel")
            i = here.index(max(here))
            expected, got = format_settings("kernel", there), format_settings("kernel", here)
            yield self.at(f"{ordinal(i + 1)} convolution", expected, got, pair.main_convs[i][1])


class WrongKernel(Rule):
    id = "wrong-kernel"
    example = "3x3 instead of 1x1, f on all three"
    message = "the {place} has another window."
    fix = "give it {expected}."
    changes_shape = True
    follows_arguments = True

    def find_in_settings(self, pair: BlockPair) -> Found:
        if not _has_moved(pair):
            yield from compare_one_by_one(self, "kernel", pair.main_convs)


class WrongKernelOnShortcut(Rule):
    id = "wrong-kernel-shortcut"
    example = "kernel_size=f on the shortcut"
    message = "the convolution on the shortcut is not 1x1."
    fix = "give it kernel_size=(1, 1)."
    changes_shape = True
    follows_arguments = True

    def find_in_settings(self, pair: BlockPair) -> Found:
        for there, here in pair.shortcut_convs:
            if there.values["kernel"] != here.values["kernel"]:
                yield compare_setting(self, "shortcut's convolution", "kernel", there, here)
