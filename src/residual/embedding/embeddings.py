"""The features of some images, with their names: written to a .npz, and compared by the angle between them."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from residual._atomic import write_bytes
from residual.errors import RunError


@dataclass(frozen=True)
class Neighbour:
    """An image that is near another one.

    Attributes:
        name: of the image.
        label: its class; "" if it has none.
        similarity: cosine of the two vectors of features, -1 to 1.
    """

    name: str
    label: str
    similarity: float


@dataclass(frozen=True, eq=False)
class Embeddings:
    """Features of images.

    Attributes:
        names: of the images, as they were given.
        features: float32 (n, d).
        labels: the folder of each image, if all images lie in folders of one folder; None otherwise.
        weights: as they were named.
        weights_sha256: of them.
        image_size: (height, width) that images are scaled to.
        computed_by: the library.
        errors: a sentence for each image that cannot be read.
    """

    names: tuple[str, ...]
    features: np.ndarray
    labels: tuple[str, ...] | None
    weights: str
    weights_sha256: str
    image_size: tuple[int, int]
    computed_by: str
    errors: tuple[str, ...] = ()

    def __repr__(self) -> str:
        n, d = self.features.shape
        return f"Embeddings({n:,} images, {d:,} features, {self.weights})"

    def __len__(self) -> int:
        return len(self.names)

    def find_nearest(self, features: np.ndarray, most: int = 5) -> list[list[Neighbour]]:
        """The images that are nearest to others, the nearest first, by the cosine of their features.

        Args:
            features: (m, d) of the others.
            most: images for each.
        """
        cosines = _normalize(features) @ _normalize(self.features).T
        order = np.argsort(-cosines, axis=1, kind="stable")[:, :most]
        labels = self.labels or ("",) * len(self.names)
        return [
            [Neighbour(self.names[i], labels[i], float(cosines[row, i])) for i in places]
            for row, places in enumerate(order.tolist())
        ]

    def save(self, path: str | Path, overwrite: bool = False) -> Path:
        """Write names, features, labels and facts as .npz without pickles: `numpy.load` opens it.

        Args:
            path: ends in .npz.
            overwrite: replace the file if it is there.

        Raises:
            RunError: if the file is there already, or the path does not end in .npz.
        """
        path = Path(path).expanduser()
        check_target(path, overwrite)
        arrays: dict[str, Any] = {"names": np.array(self.names, np.str_), "features": self.features}
        if self.labels is not None:
            arrays["labels"] = np.array(self.labels, np.str_)
        facts = {
            "weights": self.weights,
            "weights_sha256": self.weights_sha256,
            "image_size": list(self.image_size),
            "computed_by": self.computed_by,
        }
        arrays["facts"] = np.frombuffer(json.dumps(facts).encode(), np.uint8)
        file = io.BytesIO()
        np.savez(file, **arrays)
        write_bytes(path, file.getvalue())
        return path


def check_target(path: Path, overwrite: bool) -> None:
    """Refuse a file that `Embeddings.save` may not write.

    Raises:
        RunError: if it is there already, does not end in .npz, or its folder is not there.
    """
    if path.suffix != ".npz":
        raise RunError(f"out must end in .npz; got {path}.")
    if path.exists() and (not overwrite or path.is_dir()):
        raise RunError(
            f"{path} exists already. Choose another `out`, or remove it (`overwrite` replaces a file)."
        )
    if not path.parent.is_dir():
        raise RunError(f"out: there is no folder {path.parent} to write {path.name} into.")


def find_labels(names: Sequence[Any], folder: Path | None) -> tuple[str, ...] | None:
    """The folder of each image below one folder; None if an image lies elsewhere or directly in it.

    Args:
        names: paths of images, or anything else that has no folder.
        folder: that holds the class folders; None if there is none.
    """
    found = []
    for name in names:
        if folder is None or not isinstance(name, Path) or not name.is_relative_to(folder):
            return None
        parts = name.relative_to(folder).parts
        if len(parts) < 2:
            return None
        found.append(parts[-2])
    return tuple(found) or None


def _normalize(features: np.ndarray) -> np.ndarray:
    rows = np.asarray(features, np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(1e-12)
