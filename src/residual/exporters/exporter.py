"""What a format is made of."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import keras

    from residual.engines.card import ModelCard


class Exporter(Protocol):
    """A format that networks are exported to: one file, one row of `EXPORTERS`.

    Attributes:
        name: the key in `EXPORTERS`.
        suffix: that its files end in.
        precisions: that it can be written in, of "fp32", "bf16" and "int8".
    """

    name: str
    suffix: str
    precisions: frozenset[str]

    def write(self, model: "keras.Model", card: "ModelCard", path: Path, precision: str) -> None:
        """Write a network that takes raw uint8 RGB "image" (n, height, width, 3) and returns (n, classes).

        Args:
            model: takes raw pixels, 0 to 255, and returns probabilities.
            card: goes into the file.
            path: ends in `suffix`; not there yet, or to be replaced.
            precision: one of `precisions`.

        Raises:
            RunError: if the network cannot be exported, or a package is missing.
        """
        ...


@contextmanager
def replace_all(*paths: Path) -> Iterator[tuple[Path, ...]]:
    """Yield paths of the same names in a new folder beside them; they take the places of `paths` at the end.

    Args:
        paths: files or folders of one folder, which is made if it is missing.
    """
    folder = paths[0].parent
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".{paths[0].stem}-{secrets.token_hex(4)}"
    partial.mkdir()
    try:
        yield tuple(partial / path.name for path in paths)
        for path in paths:
            if path.is_dir():
                shutil.rmtree(path)
            os.replace(partial / path.name, path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
