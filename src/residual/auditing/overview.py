"""What a data set is: layout, classes, counts, sizes, split and source, without judging it."""

import io
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from residual._console import make_safe, print_row
from residual._text import escape_control
from residual.auditing.scan import read_content
from residual.data.formats import list_readable
from residual.data.image_file import QUIET, Unreadable
from residual.data.images import SPLITS
from residual.data.passed_over import list_passed_over, summarize_passed_over
from residual.data.source import Source
from residual.data.splits import TEST_SHARE

if TYPE_CHECKING:
    from rich.console import Console

_LISTED = 3


@dataclass(frozen=True, eq=False)
class Overview:
    """A source of images in figures.

    Attributes:
        source: the images.
        counts: {part: images of each class}, of the parts that there are.
        sizes: how many images have which (width, height); (0, 0) if it cannot be read.
    """

    source: Source
    counts: dict[str, list[int]]
    sizes: Counter[tuple[int, int]]

    @property
    def split(self) -> str:
        """How the test images come about."""
        if self.source.made_test:
            return f"no test images of their own: training sets {TEST_SHARE:.0%} of every class aside"
        validation = (
            "" if "validation" in self.counts else "; validation images are taken from the training images"
        )
        return f"as the source has it{validation}"

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "name": self.source.name,
            "layout": self.source.layout,
            "source": self.source.where,
            "classes": list(self.source.classes),
            "images": len(self.source),
            "counts": {
                part: dict(zip(self.source.classes, counts, strict=True))
                for part, counts in self.counts.items()
            },
            "sizes": [
                {"width": width, "height": height, "images": count}
                for (width, height), count in self.sizes.most_common()
            ],
            "made_test": self.source.made_test,
            "split": self.split,
            "notes": list(self.source.notes),
            "passed_over": list_passed_over(self.source.passed_over),
        }


def summarize_source(source: Source) -> Overview:
    """Count; of image files only the heads are decoded.

    Args:
        source: from `data.load.open_source`.
    """
    counts = {}
    for part in SPLITS:
        labels = source.labels[source.indices(part)]
        if len(labels):
            counts[part] = np.bincount(labels, minlength=len(source.classes)).tolist()
    with QUIET:
        sizes = Counter(_size(read_content(source, i)) for i in range(len(source)))
    return Overview(source, counts, sizes)


def _size(content: bytes | np.ndarray | Unreadable) -> tuple[int, int]:
    """(width, height) as stored, before the camera's rotation; (0, 0) for no image."""
    from PIL import Image

    if isinstance(content, Unreadable):
        return 0, 0
    if isinstance(content, np.ndarray):
        return content.shape[1], content.shape[0]
    try:
        with Image.open(io.BytesIO(content), formats=list_readable()) as image:
            return image.size
    except Exception:  # whatever is no image; the audit says why
        return 0, 0


def print_overview(found: Overview, console: "Console") -> None:
    """Print it: five lines and a table of classes.

    Args:
        found: from `summarize_source`.
        console: where to print.
    """
    from rich.table import Table
    from rich.text import Text

    source = found.source
    for label, text in (
        ("data", f"{source.name}: {source.layout}"),
        ("source", source.where),
        ("images", f"{len(source):,} of {len(source.classes)} classes"),
        ("size", _told(found.sizes)),
        ("split", found.split),
        *(("note", note) for note in source.notes),
        *(("note", text) for text in [summarize_passed_over(source.passed_over)] if text),
    ):
        print_row(console, label, escape_control(text))
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("class")
    for part in found.counts:
        table.add_column(part if len(found.counts) > 1 else "images", justify="right")
    for i, name in enumerate(source.classes):
        table.add_row(Text(make_safe(console, name)), *(f"{counts[i]:,}" for counts in found.counts.values()))
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
