"""The table of networks: a name -> its NetworkSpec, with its source.

A family is a row: a pattern, the depths that it has, and how a depth becomes a spec. A suffix of the name
chooses other shortcuts: "-plain" none at all, "-projection", "-zero-pad" and so on another kind.
"""

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from residual.errors import NetworkError
from residual.spec import SHORTCUTS, NetworkSpec

V1 = "He et al. 2015, arXiv:1512.03385"
V2 = "He et al. 2016, arXiv:1603.05027"

_BLOCKS = {
    10: (1, 1, 1, 1),
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
_WIDTHS = (64, 128, 256, 512)


def _imagenet(depth: int, name: str, source: str, **changes) -> NetworkSpec:
    block = "bottleneck" if depth >= 50 else "basic"
    spec = NetworkSpec(name, _BLOCKS[depth], _WIDTHS, block=block, source=source)
    return replace(spec, **changes)


def _resnet(depth: int) -> NetworkSpec:
    source = V1 if depth >= 18 else f"{V1}, one block a stage"
    return _imagenet(depth, f"resnet{depth}", source, stride_on="1x1")


def _resnet_v15(depth: int) -> NetworkSpec:
    return _imagenet(depth, f"resnet{depth}v1.5", "facebookarchive/fb.resnet.torch")


def _resnet_v2(depth: int) -> NetworkSpec:
    return _imagenet(depth, f"resnet{depth}v2", V2, preactivation=True)


def _resnet_d(depth: int) -> NetworkSpec:
    source = "He et al. 2018, arXiv:1812.01187"
    return _imagenet(depth, f"resnet{depth}d", source, stem="deep", shortcut="pooled-projection")


def _keras_resnet(depth: int) -> NetworkSpec:
    source = "keras.applications.resnet"
    changes = {"stride_on": "1x1", "bias": "all", "epsilon": 1.001e-5}
    return _imagenet(depth, f"keras-resnet{depth}", source, **changes)


def _keras_resnet_v2(depth: int) -> NetworkSpec:
    return _imagenet(
        depth,
        f"keras-resnet{depth}v2",
        "keras.applications.resnet_v2",
        preactivation=True,
        stem_end="none",
        strides=(2, 2, 2, 1),
        stride_block="last",
        bias="unnormalised",
        epsilon=1.001e-5,
    )


def _course(depth: int) -> NetworkSpec:
    return _imagenet(
        depth,
        f"course-resnet{depth}",
        "the course's ResNet-50: conv biases, unpadded stem pool",
        stem="course",
        stride_on="1x1",
        bias="all",
        epsilon=1e-3,
        initializer="glorot_uniform",
        names="course",
    )


def _cifar(depth: int) -> NetworkSpec:
    n = (depth - 2) // 6
    return NetworkSpec(
        f"cifar-resnet{depth}",
        (n, n, n),
        (16, 32, 64),
        stem="cifar",
        stem_width=16,
        shortcut="zero-pad",
        source=f"{V1}, section 4.2",
    )


def _cifar_v2(depth: int) -> NetworkSpec:
    n = (depth - 2) // 9
    return NetworkSpec(
        f"cifar-resnet{depth}v2",
        (n, n, n),
        (16, 32, 64),
        block="bottleneck",
        preactivation=True,
        stem="cifar",
        stem_width=16,
        source=V2,
    )


def _notebook(depth: int) -> NetworkSpec:
    return replace(
        _cifar(depth),
        name=f"notebook-resnet{depth}",
        shortcut="projection",
        shortcut_norm=False,
        bias="all",
        padding="same",
        epsilon=1e-3,
        l2=1e-4,
        source="the Keras CIFAR-10 example: conv biases, shortcuts without norm",
    )


def _notebook_v2(depth: int) -> NetworkSpec:
    return replace(
        _notebook(8),
        name=f"notebook-resnet{depth}v2",
        blocks=((depth - 2) // 9,) * 3,
        widths=(16, 64, 128),
        outputs=(64, 128, 256),
        block="bottleneck",
        preactivation=True,
        project_from="raw",
        stride_on="1x1",
        source="the Keras CIFAR-10 example: inner widths 16, 64, 128",
    )


def _wide(depth: int, k: int) -> NetworkSpec:
    n = (depth - 4) // 6
    return NetworkSpec(
        f"wide-resnet{depth}-{k}",
        (n, n, n),
        (16 * k, 32 * k, 64 * k),
        preactivation=True,
        stem="cifar",
        stem_width=16,
        stem_end="none",
        source="Zagoruyko & Komodakis 2016, arXiv:1605.07146",
    )


@dataclass(frozen=True)
class Family:
    """A row of the table.

    Attributes:
        pattern: the names, `{d}` standing for the depth and `{k}` for the widening factor.
        depths: every depth, or (step, offset) for depth = step * n + offset, n >= 1.
        examples: names to show.
        make: depth (and k) -> NetworkSpec.
        about: one line on what the family is.
    """

    pattern: str
    depths: list[int] | tuple[int, int]
    examples: tuple[str, ...]
    make: Callable[..., NetworkSpec]
    about: str

    @property
    def rule(self) -> str:
        """The depths in words: "18, 34, 50" or "6n+2"."""
        if isinstance(self.depths, tuple):
            return "{}n+{}".format(*self.depths)
        return ", ".join(map(str, self.depths))

    def match(self, name: str) -> re.Match | None:
        pattern = re.escape(self.pattern).replace(r"\{d\}", r"(\d+)").replace(r"\{k\}", r"(\d+)")
        return re.fullmatch(pattern, name)

    def spec(self, depth: int, *k: int) -> NetworkSpec:
        """The network of this depth; NetworkError lists the nearest depths where there is none."""
        near = self.nearest(depth)
        if depth not in near:
            name = self.pattern.format(d=depth, k=k[0] if k else "")
            ways = " or ".join(self.pattern.format(d=d, k=k[0] if k else "") for d in near)
            raise NetworkError(f"There is no {name}: depth must be {self.rule}, got {depth}. Try {ways}.")
        if k and k[0] < 1:
            raise NetworkError(f"The widening factor of {self.pattern} must be at least 1, got {k[0]}.")
        return self.make(depth, *k)

    def nearest(self, depth: int) -> list[int]:
        """Valid depths around `depth`: itself alone where it is one."""
        if isinstance(self.depths, list):
            return [depth] if depth in self.depths else sorted(self.depths, key=lambda d: abs(d - depth))[:2]
        step, offset = self.depths
        n = (depth - offset) // step
        below, above = step * max(n, 1) + offset, step * max(n + 1, 1) + offset
        return [depth] if below == depth else sorted({below, above})


_ALL, _DEEP = [18, 34, 50, 101, 152], [50, 101, 152]

FAMILIES: tuple[Family, ...] = (
    Family("course-resnet{d}", [50], ("course-resnet50",), _course, "the notebooks' ResNet-50"),
    Family(
        "resnet{d}", [10, *_ALL], ("resnet18", "resnet50"), _resnet, "ImageNet v1, stride on the first 1x1"
    ),
    Family("resnet{d}v1.5", _DEEP, ("resnet50v1.5",), _resnet_v15, "ImageNet v1.5, stride on the 3x3"),
    Family("resnet{d}v2", _ALL, ("resnet50v2",), _resnet_v2, "ImageNet v2, pre-activation"),
    Family("resnet{d}d", _ALL, ("resnet50d",), _resnet_d, "D: deep stem, pooled shortcuts"),
    Family("keras-resnet{d}", _DEEP, ("keras-resnet50",), _keras_resnet, "as keras.applications.ResNet50"),
    Family("keras-resnet{d}v2", _DEEP, ("keras-resnet50v2",), _keras_resnet_v2, "as keras.applications V2"),
    Family("cifar-resnet{d}", (6, 2), ("cifar-resnet20", "cifar-resnet110"), _cifar, "CIFAR v1, zero-pad"),
    Family("cifar-resnet{d}v2", (9, 2), ("cifar-resnet164v2",), _cifar_v2, "CIFAR v2, bottlenecks"),
    Family("notebook-resnet{d}", (6, 2), ("notebook-resnet20",), _notebook, "CIFAR v1 as the notebook"),
    Family(
        "notebook-resnet{d}v2", (9, 2), ("notebook-resnet20v2",), _notebook_v2, "CIFAR v2 as the notebook"
    ),
    Family(
        "wide-resnet{d}-{k}", (6, 4), ("wide-resnet16-4", "wide-resnet28-10"), _wide, "wide, d deep, k wide"
    ),
)


def spec(name: str) -> NetworkSpec:
    """The NetworkSpec of a name such as "resnet50", "cifar-resnet56-plain" or "resnet18-projection-all".

    Args:
        name: a name that one of `FAMILIES` matches, in upper or lower case. Appending "-plain" takes the
            shortcuts away; appending "-" and a key of `residual.spec.SHORTCUTS` exchanges them.

    Raises:
        NetworkError: unknown name (the nearest are listed) or a depth that the family does not have.
    """
    name = name.lower()
    suffixes = {"plain": "none", **{key: key for key in SHORTCUTS}}
    for suffix in sorted(suffixes, key=len, reverse=True):
        if name.endswith(f"-{suffix}"):
            found = _find(name.removesuffix(f"-{suffix}"))
            return replace(found, name=name, shortcut=suffixes[suffix])
    return _find(name)


def as_spec(network: str | NetworkSpec) -> NetworkSpec:
    """A NetworkSpec as it is, or that of a name."""
    return network if isinstance(network, NetworkSpec) else spec(network)


def _find(name: str) -> NetworkSpec:
    for family in FAMILIES:
        match = family.match(name)
        if match:
            return family.spec(*map(int, match.groups()))
    near = difflib.get_close_matches(name, _known(), n=3, cutoff=0.6)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    raise NetworkError(f"There is no network called {name!r}.{hint} `residual list` shows them all.")


def _known() -> list[str]:
    """Names to suggest, each once."""
    names: dict[str, None] = {}
    for family in FAMILIES:
        names |= dict.fromkeys(family.examples)
        if isinstance(family.depths, list):
            names |= dict.fromkeys(family.pattern.format(d=depth) for depth in family.depths)
    return list(names)


def usual_input(spec: NetworkSpec) -> tuple[int, int]:
    """(pixels a side, classes) that a network was published for: ImageNet's, CIFAR-10's or the course's."""
    return {"cifar": (32, 10), "course": (64, 6)}.get(spec.stem, (224, 1000))
