"""The stem of a network: its convolution, batch norm, ReLU and pooling."""

from residual.checker.rules.rule import Found, Rule
from residual.checker.stages import NetworkPair
from residual.checker.steps import Step, pick_steps

_ORDER = ("conv", "norm", "act", "pool")


def _first_convs(pair: NetworkPair) -> list[tuple[Step, Step]]:
    """The first convolutions of both networks, if the learner's has one."""
    there, here = (pick_steps(layout.stem, "conv") for layout in (pair.ref, pair.got))
    return list(zip(there[:1], here[:1], strict=False))


def _find_variant(pair: NetworkPair) -> str:
    """Why a stem may be a 3x3 convolution that keeps the size; "" for another stem."""
    convs = pick_steps(pair.got.stem, "conv")
    is_small = convs and (convs[0].values["kernel"], convs[0].values["stride"]) == ((3, 3), (1, 1))
    return (
        "this is the stem for small images such as CIFAR's. The paper's is for 224 pixels."
        if is_small
        else ""
    )


def _pools(pair: NetworkPair) -> tuple[list[Step], list[Step]]:
    return pick_steps(pair.ref.stem, "pool"), pick_steps(pair.got.stem, "pool")


class StemSettingRule(Rule):
    """A rule about one setting of the first convolution.

    Attributes:
        key: the setting.
        words: a template for its value.
    """

    changes_shape = True
    fix = "give it {expected}."
    key: str
    words: str

    def find_in_stem(self, pair: NetworkPair) -> Found:
        for there, here in _first_convs(pair):
            expected, got = there.values[self.key], here.values[self.key]
            if expected != got:
                words = self.words.format(expected), self.words.format(got)
                variant = "" if self.key == "filters" else _find_variant(pair)
                yield self.at("stem", *words, here, variant=variant)


class StemKernel(StemSettingRule):
    id = "stem-kernel"
    example = "3x3 in place of 7x7"
    message = "the first convolution has another window."
    key, words = "kernel", "window {0[0]}x{0[1]}"


class StemStride(StemSettingRule):
    id = "stem-stride"
    example = "7x7 without its stride"
    message = "the first convolution has another stride."
    key, words = "stride", "stride {0[0]}"


class StemFilters(StemSettingRule):
    id = "stem-filters"
    example = "32 in place of 64"
    message = "the first convolution has another number of filters."
    key, words = "filters", "{0} filters"


class StemNormMissing(Rule):
    id = "stem-norm-missing"
    example = "conv, ReLU, pool"
    message = "there is no batch norm after the first convolution."
    fix = "put BatchNormalization(axis=3) there."

    def find_in_stem(self, pair: NetworkPair) -> Found:
        if not pick_steps(pair.got.stem, "norm"):
            conv = next(iter(pick_steps(pair.got.stem, "conv")), None)
            yield self.at("stem", "conv, norm", "conv", conv)


class StemReluMissing(Rule):
    id = "stem-relu-missing"
    example = "conv, batch norm, and no ReLU"
    message = "there is no ReLU after the first convolution and its batch norm."
    fix = "put Activation('relu') there."

    def find_in_stem(self, pair: NetworkPair) -> Found:
        if pair.relu_in_stem and not pick_steps(pair.got.stem, "act"):
            yield self.at("stem", "relu", "", pair.got.stem[-1] if pair.got.stem else None)


class StemReluLeftOut(Rule):
    id = "stem-relu-left-out"
    example = "conv, batch norm, pool"
    message = (
        "there is no ReLU after the first batch norm. The course's text leaves it out, the paper has it."
    )
    fix = "to follow the paper put Activation('relu') between the batch norm and the pooling."
    severity = "note"

    def find_in_stem(self, pair: NetworkPair) -> Found:
        if not pair.relu_in_stem and not pick_steps(pair.got.stem, "act"):
            yield self.at("stem", "relu", "", pair.got.stem[-1] if pair.got.stem else None)


class PoolMissing(Rule):
    id = "pool-missing"
    example = "no MaxPooling2D"
    message = "there is no max pooling after the first convolution."
    fix = "add MaxPooling2D((3, 3), strides=(2, 2))."

    def find_in_stem(self, pair: NetworkPair) -> Found:
        there, here = _pools(pair)
        if there and not here:
            convs = pick_steps(pair.got.stem, "conv")
            end = convs[-1] if convs else None
            yield self.at("stem", "MaxPooling2D", "", end, variant=_find_variant(pair))


class PoolKind(Rule):
    id = "pool-kind"
    example = "AveragePooling2D in the stem"
    message = "the pooling in the stem is not max pooling."
    fix = "use MaxPooling2D((3, 3), strides=(2, 2))."

    def find_in_stem(self, pair: NetworkPair) -> Found:
        there, here = _pools(pair)
        if there and here and there[0].name != here[0].name:
            yield self.at("stem", there[0].name, here[0].name, here[0])


class PoolSize(Rule):
    id = "pool-size"
    example = "MaxPooling2D((2, 2))"
    message = "the pooling in the stem has another window or stride."
    fix = "use {expected}."

    def find_in_stem(self, pair: NetworkPair) -> Found:
        there, here = _pools(pair)
        if not there or not here or there[0].name != here[0].name:
            return
        if any(there[0].values[key] != here[0].values[key] for key in ("size", "stride")):
            expected, got = _format_pool(there[0]), _format_pool(here[0])
            yield self.at("stem", expected, got, here[0], variant=_find_variant(pair))


def _format_pool(step: Step) -> str:
    size, stride = step.values["size"], step.values["stride"]
    return f"MaxPooling2D(({size[0]}, {size[1]}), strides=({stride[0]}, {stride[1]}))"


class StemOrder(Rule):
    id = "stem-order"
    example = "batch norm before the 7x7, ReLU before the batch norm"
    message = "the layers of the stem stand in another order."
    fix = "the stem runs {expected}."

    def find_in_stem(self, pair: NetworkPair) -> Found:
        order = [step.kind for step in pair.got.stem if step.kind in _ORDER]
        right = [kind for kind in _ORDER if kind in order]
        # A ReLU and a max pooling commute, so either may come first.
        if order not in (right, [*(kind for kind in right if kind != "act"), "act"]):
            yield self.at("stem", ", ".join(right), ", ".join(order), pair.got.stem[0])
