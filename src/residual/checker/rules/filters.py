"""The filters of a block's convolutions: in another order, or another number."""

from residual.checker.pairs import BlockPair
from residual.checker.rules.rule import Found, Rule
from residual.checker.rules.settings import compare_one_by_one, compare_setting, setting_values


class FilterRule(Rule):
    """A rule about the filters of a block."""

    changes_shape = True

    def are_permuted(self, pair: BlockPair) -> bool:
        there, here = setting_values(pair.main_convs, "filters")
        return pair.complete and there != here and sorted(there) == sorted(here)


class FiltersPermuted(FilterRule):
    id = "filters-permuted"
    example = "F1, F3, F2 = filters"
    message = "the filter counts stand in another order."
    fix = "unpack F1, F2, F3 = filters and give the 1st convolution F1, the 2nd F2, the 3rd F3."

    def find_in_settings(self, pair: BlockPair) -> Found:
        if self.are_permuted(pair):
            there, here = setting_values(pair.main_convs, "filters")
            i = next(i for i in range(len(there)) if there[i] != here[i])
            yield self.at("main path", str(there), str(here), pair.main_convs[i][1])


class WrongFilters(FilterRule):
    id = "wrong-filters"
    example = "F1 instead of F2"
    message = "the {place} has another number of filters."
    fix = "give it {expected}."
    follows_arguments = True

    def find_in_settings(self, pair: BlockPair) -> Found:
        if not self.are_permuted(pair):
            yield from compare_one_by_one(self, "filters", pair.main_convs)


class WrongFiltersOnShortcut(FilterRule):
    id = "wrong-filters-shortcut"
    example = "Conv2D(F1, 1) on the shortcut"
    message = "the convolution on the shortcut has another number of filters than the 3rd convolution."
    fix = "give it the last of filters, so that the two can be added."
    follows_arguments = True

    def find_in_settings(self, pair: BlockPair) -> Found:
        for there, here in pair.shortcut_convs:
            if there.values["filters"] != here.values["filters"]:
                yield compare_setting(self, "shortcut's convolution", "filters", there, here)
