"""Recognize the network of the zoo that an old file holds, by the names of its layers.

Three styles of names are recognized: the course's own (conv1, bn_conv1, res2a_branch2a, ...), that of
keras.applications (conv1_conv, conv2_block1_1_conv, ...), and Keras's default (conv2d, conv2d_1, ...,
batch_normalization, ...). The default's numbers, from any start, give the order in which layers were made.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from residual.data.preprocessing import Preprocessing
from residual.errors import NetworkError
from residual.importers.keras_h5.file import ModelFile, StoredArray
from residual.importers.keras_h5.published import CAFFE, IMAGENET_CLASSES, TENSORFLOW
from residual.models import zoo
from residual.models.layer_names import block_names
from residual.models.spec import NetworkSpec

_DIVIDED = "pixels divided by 255"
_CENTRED = "pixels divided by 255, minus the mean image of the training set"
_APPLICATION = re.compile(r"conv([2-5])_block(\d+)_\d_conv")
_DEFAULT = {
    "conv": re.compile(r"(?:conv2d|convolution2d)(?:_(\d+))?"),
    "norm": re.compile(r"(?:batch_normalization|batchnormalization|batch_normalization_v1)(?:_(\d+))?"),
}


@dataclass(frozen=True)
class Candidate:
    """A network that a file may hold.

    Attributes:
        spec: the network.
        classes: its outputs.
        image_size: height and width of the images that it is usually used with.
        pixels: what it usually expects of pixels, in words.
        layers: layer name in the file -> layer name in the network, for the layers with arrays.
        preprocessing: what published weights of this network expect of a photo; None if nobody publishes any.
    """

    spec: NetworkSpec
    classes: int
    image_size: int
    pixels: str
    layers: dict[str, str]
    preprocessing: Preprocessing | None = None

    @property
    def is_course(self) -> bool:
        """Whether it is the ResNet-50 of the notebooks, whose stem comes with and without a ReLU."""
        return self.spec.names == "course"


def find_candidates(file: ModelFile) -> Iterator[Candidate]:
    """The networks that the file's layer names may mean, the likeliest first; often one, or none."""
    dense = [name for name, arrays in file.layers.items() if len(_kernel_shape(arrays)) == 2]
    if len(dense) != 1:
        return
    classes = _kernel_shape(file.layers[dense[0]])[-1]
    if any(re.fullmatch(r"res\d[a-z]_branch2[abc]", name) for name in file.layers):
        yield from _match_course(classes, dense[0])
    elif any(_APPLICATION.fullmatch(name) for name in file.layers):
        yield from _match_applications(file, classes)
    else:
        yield from _match_default(file, classes, dense[0])


def _match_course(classes: int, dense: str) -> Iterator[Candidate]:
    """The course's ResNet-50. Early versions of keras.applications used the same names, with 1000 classes."""
    spec = zoo.find_spec("course-resnet50")
    imagenet = classes == IMAGENET_CLASSES
    side, pixels = (224, "BGR pixels minus the mean of ImageNet") if imagenet else (64, _DIVIDED)
    layers = {name: name for name in (*_conv_names(spec), *_norm_names(spec))} | {dense: f"fc{classes}"}
    for stem_end in ("norm-relu", "norm"):
        known = CAFFE if imagenet else None
        yield Candidate(replace(spec, stem_end=stem_end), classes, side, pixels, layers, known)


def _match_applications(file: ModelFile, classes: int) -> Iterator[Candidate]:
    """keras.applications' ResNet and ResNetV2, 50, 101 or 152 layers deep."""
    v2 = any(name.endswith("_preact_bn") for name in file.layers)
    found = {match.groups() for name in file.layers if (match := _APPLICATION.fullmatch(name))}
    blocks = tuple(sum(stage == there for there, _ in found) for stage in "2345")
    for depth in (50, 101, 152):
        spec = zoo.find_spec(f"keras-resnet{depth}{'v2' if v2 else ''}")
        if spec.blocks == blocks:
            ours = (*_conv_names(spec), *_norm_names(spec), "head_dense")
            layers = {name_in_applications(name, v2): name for name in ours}
            pixels = "pixels between -1 and 1" if v2 else "BGR pixels minus the mean of ImageNet"
            known = None if classes != IMAGENET_CLASSES else TENSORFLOW if v2 else CAFFE
            yield Candidate(spec, classes, 224, pixels, layers, known)


def name_in_applications(ours: str, v2: bool) -> str:
    """The name that keras.applications gives to one of our layers."""
    fixed = {
        "stem_conv": "conv1_conv",
        "stem_norm": "conv1_bn",
        "head_norm": "post_bn",
        "head_dense": "predictions",
    }
    if ours in fixed:
        return fixed[ours]
    stage, block, part = re.fullmatch(r"stage(\d+)_block(\d+)_(.+)", ours).groups()
    kind = "conv" if "conv" in part else "bn"
    number = 0 if part.startswith("shortcut") else int(part[-1]) - (v2 and kind == "bn")
    part = "preact_bn" if v2 and kind == "bn" and number == 0 else f"{number}_{kind}"
    return f"conv{int(stage) + 1}_block{block}_{part}"


def _match_default(file: ModelFile, classes: int, dense: str) -> Iterator[Candidate]:
    """The course's ResNet-50 and the notebook's CIFAR networks under Keras's default names.

    Some write a block's shortcut before its main path; the shapes of the arrays show which.
    """
    numbered = {kind: _sort_by_number(file.layers, pattern) for kind, pattern in _DEFAULT.items()}
    if len(numbered["conv"]) + len(numbered["norm"]) + 1 != len(file.layers):
        return
    for spec, side in _find_by_counts(len(numbered["conv"]), len(numbered["norm"])):
        for shortcut_first in (False, True):
            ours = (*_conv_names(spec, shortcut_first), *_norm_names(spec, shortcut_first))
            theirs = (*numbered["conv"], *numbered["norm"])
            head = f"fc{classes}" if spec.names == "course" else "head_dense"
            layers = dict(zip(theirs, ours, strict=True)) | {dense: head}
            pixels = _DIVIDED if spec.names == "course" else _CENTRED
            yield Candidate(spec, classes, side, pixels, layers)


def _find_by_counts(convs: int, norms: int) -> Iterator[tuple[NetworkSpec, int]]:
    """Networks with this many convolutions and norms, and the size of their images."""
    names = [f"notebook-resnet{norms + 1}", f"notebook-resnet{norms + 1}v2"]
    if convs == norms == 53:
        spec = zoo.find_spec("course-resnet50")
        yield from ((replace(spec, stem_end=stem_end), 64) for stem_end in ("norm-relu", "norm"))
    for name in names:
        try:
            spec = zoo.find_spec(name)
        except NetworkError:
            continue
        if len(_conv_names(spec)) == convs and len(_norm_names(spec)) == norms:
            yield spec, 32


def _sort_by_number(names: Mapping[str, object], pattern: re.Pattern) -> list[str]:
    """The names that match, in the order of their numbers. A name without a number comes first."""
    found = [(int(match[1] or 0), name) for name in names if (match := pattern.fullmatch(name))]
    return [name for _, name in sorted(found)]


def _conv_names(spec: NetworkSpec, shortcut_first: bool = False) -> list[str]:
    """Names of our convolutions, in the order in which the notebooks make them."""
    return [
        "conv1" if spec.names == "course" else "stem_conv",
        *_names_in_blocks(spec, "conv", shortcut_first),
    ]


def _norm_names(spec: NetworkSpec, shortcut_first: bool = False) -> list[str]:
    """Names of our norms, in the order in which the notebooks make them."""
    first = [] if spec.stem_end == "none" else ["bn_conv1" if spec.names == "course" else "stem_norm"]
    last = ["head_norm"] if spec.preactivation else []
    return [*first, *_names_in_blocks(spec, "norm", shortcut_first), *last]


def _names_in_blocks(spec: NetworkSpec, kind: str, shortcut_first: bool) -> Iterator[str]:
    channels = spec.stem_width
    depth = 3 if spec.block == "bottleneck" else 2
    for index, count in enumerate(spec.blocks):
        for i in range(count):
            names = block_names(spec, index, i)
            # After a stem that ends in an activation, the first block of v2 does not activate again.
            bare = kind == "norm" and spec.preactivation and index == i == 0 and spec.stem_end == "norm-relu"
            main = [getattr(names, kind)(n) for n in range(2 if bare else 1, depth + 1)]
            projects = channels != spec.outputs[index]
            normed = spec.shortcut_norm and not spec.preactivation
            shortcut = [names.shortcut(kind)] if projects and (kind == "conv" or normed) else []
            made = shortcut + main if shortcut_first else main + shortcut
            yield from map(str, made)
            channels = spec.outputs[index]


def _kernel_shape(arrays: list[StoredArray]) -> tuple[int, ...]:
    return next((array.shape for array in arrays if array.role == "kernel"), ())


def find_gaps(file: ModelFile) -> list[str]:
    """Default names that are missing between others, e.g. conv2d_7 if there are conv2d_6 and conv2d_8."""
    missing = []
    for pattern in _DEFAULT.values():
        names = _sort_by_number(file.layers, pattern)
        numbers = [int(pattern.fullmatch(name)[1] or 0) for name in names]
        if numbers:
            stem = re.sub(r"_\d+$", "", names[-1])
            missing += [f"{stem}_{n}" for n in range(numbers[0], numbers[-1]) if n not in numbers]
    return missing
