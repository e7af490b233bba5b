"""Features that were computed before, in the user's cache folder: one .npz for each body of a network.

The key of a feature is the digest of the pixels of its image: another split, seed or folder with the same images finds
it. The cache can be deleted at any time. A damaged file, or another process that writes at the same time, costs no more
than a pass over the images.
"""

import contextlib
import io
import os
from pathlib import Path

import numpy as np

from residual._atomic import write_bytes
from residual.data.digests import hash_images
from residual.data.images import Images
from residual.data.pixel_store import is_lazy
from residual.embedding.extract import Extract

MOST_BYTES = 2**30  # of all files; the oldest ones are removed
_MOST_IMAGES = 100_000  # in one file


class FeatureCache:
    """The features of one body.

    Args:
        key: of the body: the hash of its weights, the image size, and what computes.
        folder: of the files; None takes the user's cache folder. If the system knows none, nothing is kept on disk.
    """

    def __init__(self, key: str, folder: Path | None = None):
        folder = folder or default_folder()
        self.path = None if folder is None else folder / f"{key}.npz"
        self._places: dict[bytes, int] = {}
        self._features: np.ndarray | None = None
        self.found = 0
        self._is_changed = False
        self._load()

    def read(self, images: Images, extract: Extract) -> np.ndarray:
        """The features float32 (n, d) of images; those that are not known yet are computed and kept.

        Args:
            images: with digests.
            extract: computes features of pixels.
        """
        # Images that are decoded on demand are known by their names, which other data may have too.
        digests = hash_images(images.x) if is_lazy(images.x) else images.digests
        keys = [row.tobytes() for row in np.asarray(digests)]
        missing = _first_of_each(keys, [i for i, key in enumerate(keys) if key not in self._places])
        self.found += len(keys) - len(missing)
        if missing:
            self._add([keys[i] for i in missing], extract(images.take(np.asarray(missing)).x))
            self._is_changed = True
        if self._features is None:
            return extract(images.x)
        return self._features[[self._places[key] for key in keys]]

    def _add(self, keys: list[bytes], features: np.ndarray) -> None:
        start = 0 if self._features is None else len(self._features)
        self._features = features if self._features is None else np.concatenate([self._features, features])
        self._places.update({key: start + i for i, key in enumerate(keys)})

    def _load(self) -> None:
        if self.path is None:
            return
        with contextlib.suppress(Exception):  # no file, or a damaged one
            with np.load(self.path, allow_pickle=False) as file:
                digests, features = file["digests"], file["features"]
            if len(digests) == len(features) and features.ndim == 2 and np.isfinite(features).all():
                self._add([row.tobytes() for row in digests], np.asarray(features, np.float32))

    def save(self) -> None:
        """Write what is new; nothing happens if the disk is full or the features are too many."""
        if not self._is_changed or self.path is None or self._features is None:
            return
        if len(self._features) > _MOST_IMAGES:
            return
        self._is_changed = False
        digests = np.frombuffer(b"".join(self._places), np.uint64).reshape(len(self._places), -1)
        file = io.BytesIO()
        np.savez(file, digests=digests, features=self._features)
        with contextlib.suppress(OSError):  # a full disk: the features are computed again another time
            self.path.parent.mkdir(parents=True, exist_ok=True)
            remove_oldest(self.path.parent, MOST_BYTES - file.tell())
            write_bytes(self.path, file.getvalue())


def _first_of_each(keys: list[bytes], places: list[int]) -> list[int]:
    """Of places with the same key the first one."""
    return list({keys[i]: i for i in reversed(places)}.values())[::-1]


def remove_oldest(folder: Path, room: int) -> None:
    """Remove the files that were written longest ago, until those that are left take at most so many bytes."""
    files = sorted(folder.glob("*.npz"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in files:
        room -= path.stat().st_size
        if room < 0:
            with contextlib.suppress(OSError):
                os.remove(path)


def default_folder() -> Path | None:
    """The folder `features` in the user's cache folder; None if the system knows none."""
    import platformdirs

    try:
        return Path(platformdirs.user_cache_dir("residual")) / "features"
    except Exception:  # a system user without a home
        return None
