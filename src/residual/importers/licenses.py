"""The licence of published weights, as far as their publishers state it, and what to say about one."""

import re
from dataclasses import dataclass
from pathlib import Path

IMAGENET = (
    "ImageNet's terms allow its images for non-commercial research and education only; find out whether your use of "
    "weights that were trained on them is covered."
)
_NON_COMMERCIAL = re.compile(r"(^|-)nc(-|$)|non-?commercial", re.IGNORECASE)


@dataclass(frozen=True)
class Terms:
    """Under which terms weights are published.

    Attributes:
        license: such as "apache-2.0"; None if the publisher does not state one.
        source: where that stands.
        is_imagenet: whether the weights were trained on ImageNet.
    """

    license: str | None
    source: str
    is_imagenet: bool = True


# Pattern of a name -> terms; the first that matches counts.
_TIMM = "timm 1.0.31, pretrained_cfg of models/resnet.py and models/resnetv2.py"
_TABLE: tuple[tuple[str, Terms], ...] = (
    (
        "torchvision/.*",
        Terms("bsd-3-clause", "torchvision, LICENSE; its README: the weights may have terms of their own"),
    ),
    (r"timm/.*\.fb_(w|sw|s)sl_.*", Terms("cc-by-nc-4.0", _TIMM)),
    (r"timm/.*\.bamboo.*", Terms(None, _TIMM)),
    (r"timm/.*\.tv\d?_.*", Terms("bsd-3-clause", _TIMM)),
    ("timm/.*", Terms("apache-2.0", _TIMM)),
    (
        "keras-hub/.*",
        Terms("apache-2.0", "keras-hub 0.32.0, LICENSE; the page of a preset may state another"),
    ),
    (
        "keras-applications/resnet(50|101|152)",
        Terms("mit", "Keras documentation: ported from Kaiming He's release"),
    ),
    ("keras-applications/.*", Terms(None, "keras.applications states none for these weights")),
)


def find_terms(name: str) -> Terms | None:
    """The terms of a published name such as "timm/resnet50.a1_in1k"; None of a name that no library has."""
    return next((terms for pattern, terms in _TABLE if re.fullmatch(pattern, name)), None)


def read_model_card(folder: Path) -> str | None:
    """The licence in the README.md of a Hugging Face folder; None if it states none.

    The card begins with a table between two lines of dashes; its line "license: apache-2.0" is all that is read.
    """
    try:
        with (folder / "README.md").open(encoding="utf-8", errors="replace") as file:
            head = file.read(20_000)
    except OSError:
        return None
    table = re.match(r"---\s*\n(.*?)\n---", head, re.DOTALL)
    found = re.search(r"^license:\s*[\"']?([A-Za-z0-9.+-]{1,60})", table[1], re.MULTILINE) if table else None
    return found[1].lower() if found else None


def is_non_commercial(license: str | None) -> bool:
    """Whether a licence forbids commercial use."""
    return license is not None and bool(_NON_COMMERCIAL.search(license))


def describe_license(license: str | None, is_imagenet: bool = False) -> tuple[str, ...]:
    """What the user should know about the licence of weights, a sentence each."""
    said = []
    if is_non_commercial(license):
        said.append(
            f"The licence {license} forbids commercial use of the weights and of what is trained from them."
        )
    elif license is None:
        said.append("Nobody states a licence for these weights: ask their publisher before you pass them on.")
    if is_imagenet:
        said.append(IMAGENET)
    return tuple(said)
