"""What a data set is: layout, classes, counts, sizes, split and source, without judging it."""

import io
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from residual.data.audit.printed import printable
from residual.data.audit.scan import Unreadable, content_of
from residual.data.images import FORMATS, QUIET
from residual.data.raw import PARTS, Raw
from residual.data.splits import TEST_SHARE

if TYPE_CHECKING:
    from rich.console import Console

_LISTED = 3


@dataclass(frozen=True, eq=False)
class Overview:
    """A source of images in figures.

    Attributes:
        raw: the images.
        counts: {part: images of each class}, of the parts that there are.
        sizes: how many images have which (width, height); (0, 0) where it cannot be read.
    """

    raw: Raw
    counts: dict[str, list[int]]
    sizes: Counter[tuple[int, int]]

    @property
    def split(self) -> str:
        """How the test images come about."""
        if self.raw.made_test:
            return f"no test images of their own: training sets {TEST_SHARE:.0%} of every class aside"
        validation = (
            "" if "validation" in self.counts else "; validation images are taken from the training images"
        )
        return f"as the source has it{validation}"

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "name": self.raw.name,
            "layout": self.raw.layout,
            "source": self.raw.where,
            "classes": list(self.raw.classes),
            "images": len(self.raw.entries),
            "counts": {
                part: dict(zip(self.raw.classes, counts, strict=True)) for part, counts in self.counts.items()
            },
            "sizes": [
                {"width": width, "height": height, "images": count}
                for (width, height), count in self.sizes.most_common()
            ],
            "made_test": self.raw.made_test,
            "split": self.split,
        }


def overview(raw: Raw) -> Overview:
    """Count; of image files only the heads are decoded.

    Args:
        raw: from `items.raw_data`.
    """
    counts = {}
    for part in PARTS:
        labels = [entry.label for entry in raw.entries if entry.part == part]
        if labels:
            counts[part] = np.bincount(labels, minlength=len(raw.classes)).tolist()
    with QUIET:
        sizes = Counter(_size(content_of(raw, i)) for i in range(len(raw.entries)))
    return Overview(raw, counts, sizes)


def _size(content: bytes | np.ndarray | Unreadable) -> tuple[int, int]:
    """(width, height) as stored, before the camera's rotation; (0, 0) for no image."""
    from PIL import Image

    if isinstance(content, np.ndarray):
        return content.shape[1], content.shape[0]
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            return image.size
    except Exception:  # whatever is no image, Unreadable contents among it; the audit says why
        return 0, 0


def print_overview(found: Overview, console: "Console") -> None:
    """Print it: five lines and a table of classes.

    Args:
        found: from `overview`.
        console: where to print.
    """
    from rich.table import Table
    from rich.text import Text

    raw = found.raw
    for label, text in (
        ("data", f"{raw.name}: {raw.layout}"),
        ("source", raw.where),
        ("images", f"{len(raw.entries):,} of {len(raw.classes)} classes"),
        ("size", _told(found.sizes)),
        ("split", found.split),
    ):
        console.print(f"{label:8} {printable(text)}", highlight=False, soft_wrap=True, markup=False)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("class")
    for part in found.counts:
        table.add_column(part if len(found.counts) > 1 else "images", justify="right")
    for i, name in enumerate(raw.classes):
        table.add_row(Text(printable(name)), *(f"{counts[i]:,}" for counts in found.counts.values()))
    console.print()
    console.print(table)


def _told(sizes: Counter[tuple[int, int]]) -> str:
    readable = Counter({size: count for size, count in sizes.items() if size != (0, 0)})
    listed = [f"{w}x{h} ({count:,})" for (w, h), count in readable.most_common(_LISTED)]
    if len(readable) == 1:
        listed = ["{}x{}".format(*next(iter(readable)))]
    more = f", {len(readable) - _LISTED:,} other sizes" if len(readable) > _LISTED else ""
    lost = f"; {sizes[0, 0]:,} cannot be read" if sizes[0, 0] else ""
    return (", ".join(listed) or "none") + more + lost
