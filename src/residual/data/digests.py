"""16 bytes for each image, equal if size and pixels are equal: duplicates, leaks and hashes of sets come of them."""

import hashlib
import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from residual._atomic import write_bytes
from residual.data.pixel_store import Pixels, pieces

Digests = np.ndarray  # uint64 (n, 2)


def hash_pixels(width: int, height: int, strips: Iterable[bytes | np.ndarray]) -> bytes:
    """The digest of one image.

    Args:
        width, height: in pixels.
        strips: its RGB bytes from top to bottom, so that nobody has to hold all of them.
    """
    digest = hashlib.blake2b(f"({width}, {height})".encode(), digest_size=16)
    for strip in strips:
        digest.update(strip)
    return digest.digest()


def hash_array(image: np.ndarray) -> bytes:
    """The digest of uint8 (height, width, 3)."""
    return hash_pixels(image.shape[1], image.shape[0], (np.ascontiguousarray(image),))


def hash_images(x: Pixels) -> Digests:
    """The digest of each image of uint8 (n, height, width, 3)."""
    return pack_digests(hash_array(image) for piece in pieces(x) for image in piece)


def hash_names(names: Iterable[str]) -> Digests:
    """A digest of each name, for images that are too many to decode before they are asked for."""
    return pack_digests(
        hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=16).digest() for name in names
    )


def pack_digests(digests: Iterable[bytes]) -> Digests:
    """Digests of 16 bytes as uint64 (n, 2)."""
    return np.frombuffer(bytearray(b"".join(digests)), np.uint64).reshape(-1, 2)


def group_duplicates(digests: Digests) -> np.ndarray:
    """int64 (n,): for every image the index of the first one with the same pixels."""
    _, first, group = np.unique(_as_keys(digests), return_index=True, return_inverse=True)
    return first[group.reshape(-1)].astype(np.int64)


def find_in(digests: Digests, others: Iterable[Digests]) -> np.ndarray:
    """bool (n,): which images are also among the others."""
    known = [_as_keys(other) for other in others]
    if not known:
        return np.zeros(len(digests), bool)
    return np.isin(_as_keys(digests), np.concatenate(known))


def _as_keys(digests: Digests) -> np.ndarray:
    """One value a row, that NumPy sorts and compares whole."""
    return np.ascontiguousarray(digests).view("S16").reshape(-1)


def write_digests(path: Path, digests: Digests) -> None:
    """Keep digests, 16 bytes for each image, so that a run knows the images that it was trained on.

    Args:
        path: the file, an .npy.
        digests: uint64 (n, 2), sorted so that they say nothing of the order of the images.
    """
    file = io.BytesIO()
    np.save(file, np.sort(_as_keys(digests)).view(np.uint64).reshape(-1, 2), allow_pickle=False)
    write_bytes(path, file.getvalue())


def read_digests(path: Path) -> Digests | None:
    """The digests that `write_digests` kept; None if there is no such file, or it is damaged."""
    try:
        digests = np.load(path, mmap_mode="r", allow_pickle=False)
        is_whole = digests.dtype == np.uint64 and digests.ndim == 2 and digests.shape[1] == 2
        return np.array(digests) if is_whole else None
    except Exception:  # of a damaged header anything
        return None


def describe_known(known: np.ndarray, where: str) -> str:
    """What to say of images that a network was trained or selected on; "" if there are none.

    Args:
        known: bool (n,), from `find_in`.
        where: the data.
    """
    count = int(known.sum())
    if not count:
        return ""
    return (
        f"{count:,} of the {len(known):,} images of {where} are images that the network was trained or "
        "selected on; the "
        "score without them is given too"
    )
