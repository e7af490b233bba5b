"""The table of networks: a name -> its NetworkSpec, with its source.

A family is one file and one row of `FAMILIES`. A suffix of the name chooses other shortcuts: "-plain" none at all,
"-projection", "-zero-pad" and so on another kind.
"""

import difflib

from msgspec.structs import replace

from residual._text import describe_value
from residual.errors import NetworkError
from residual.models.spec import SHORTCUTS, NetworkSpec
from residual.models.zoo import (
    cifar,
    course,
    fast,
    grouped,
    imagenet,
    keras_applications,
    notebook,
    squeezed,
    timm,
    wide,
)
from residual.models.zoo.family import Family

FAMILIES: tuple[Family, ...] = (
    course.COURSE,
    imagenet.V1,
    imagenet.V1_5,
    imagenet.V2,
    imagenet.C,
    imagenet.D,
    imagenet.S,
    imagenet.T,
    imagenet.GROUP_NORM,
    grouped.RESNEXT_32,
    grouped.RESNEXT_64,
    squeezed.SE,
    squeezed.SE_D,
    squeezed.SE_GROUPED,
    squeezed.RS,
    timm.V2,
    timm.V2_D,
    timm.BIT,
    keras_applications.V1,
    keras_applications.V2,
    cifar.V1,
    cifar.V2,
    fast.FAST,
    fast.WIDER,
    notebook.V1,
    notebook.V2,
    wide.WIDE,
    grouped.WIDE,
)


def find_spec(name: str) -> NetworkSpec:
    """The NetworkSpec of a name such as "resnet50", "cifar-resnet56-plain" or "resnet18-projection-all".

    Args:
        name: a name that one of `FAMILIES` has, in upper or lower case. Appending "-plain" takes the
            shortcuts away; appending "-" and a key of `residual.models.spec.SHORTCUTS` exchanges them.

    Raises:
        NetworkError: unknown name (the message lists the nearest) or a depth that the family does not have.
    """
    name = name.lower()
    suffixes = {"plain": "none", **{key: key for key in SHORTCUTS}}
    for suffix in sorted(suffixes, key=len, reverse=True):
        if name.endswith(f"-{suffix}"):
            found = _find_in_families(name.removesuffix(f"-{suffix}"))
            return replace(found, name=name, shortcut=suffixes[suffix])
    return _find_in_families(name)


def resolve_spec(network: str | NetworkSpec) -> NetworkSpec:
    """The spec of a name; a NetworkSpec as it is.

    Raises:
        NetworkError: see `find_spec`.
    """
    if not isinstance(network, str | NetworkSpec):
        raise NetworkError(
            f"network must be the name of a network or a NetworkSpec; got {describe_value(network)}."
        )
    return network if isinstance(network, NetworkSpec) else find_spec(network)


def _find_in_families(name: str) -> NetworkSpec:
    fitting = [(family, numbers) for family in FAMILIES if (numbers := family.parse_name(name)) is not None]
    # Two families may share a pattern, and no depth: wide-resnet28-10 is for CIFAR, wide-resnet50-2 for ImageNet.
    for family, numbers in fitting:
        if family.find_nearest_depths(numbers[0]) == [numbers[0]]:
            return family.make_spec(*numbers)
    if fitting:
        family, numbers = fitting[0]
        return family.make_spec(*numbers)
    names = dict.fromkeys(known for family in FAMILIES for known in family.list_names())  # each once
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    raise NetworkError(f"There is no network called {name!r}.{hint} `residual list` shows them all.")


def default_input(spec: NetworkSpec) -> tuple[int, int]:
    """(image size, classes) that a network was published for: ImageNet's, CIFAR-10's or the course's."""
    return {"cifar": (32, 10), "whitened": (32, 10), "course": (64, 6)}.get(spec.stem, (224, 1000))
