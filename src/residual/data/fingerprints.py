"""Short hashes of whole sets of images, by which a run knows its data again."""

import hashlib

import numpy as np

from residual.data.images import Dataset, Images
from residual.data.pixel_store import is_lazy, pieces

# How `[data] hash_style` of run.toml says that the hashes are made of the digest of each image. Version 0.1
# hashed the pixels of a set as one and wrote no style.
STYLE = "blake2b of each image"
_VERSION_1 = ""
# Of images that are decoded on demand: the digests are those of their names.
STYLE_OF_NAMES = "blake2b of each name"


def find_style(images: Images) -> str:
    """What the hashes of images are made of."""
    return STYLE_OF_NAMES if is_lazy(images.x) else STYLE


def compute_fingerprint(images: Images, style: str = STYLE) -> str:
    """16 hexadecimal digits: two sets with the same ones are the same images and labels in the same order.

    Args:
        images: the set.
        style: `STYLE`, or "" for the hash that version 0.1 wrote.
    """
    digest = hashlib.sha256()
    if style == _VERSION_1:
        for piece in pieces(images.x):
            digest.update(np.ascontiguousarray(piece))
    else:
        digest.update(np.ascontiguousarray(images.digests))
    digest.update(np.ascontiguousarray(images.y))
    return digest.hexdigest()[:16]


def compute_data_hash(data: Dataset, style: str = STYLE) -> str:
    """SHA-256 of all images, labels and class names, and of which images are in which split.

    Args:
        data: with a validation set.
        style: as `compute_fingerprint` takes it.
    """
    splits = (data.train, data.validation, data.test)
    parts = [*(compute_fingerprint(images, style) for images in splits if images is not None), *data.classes]
    return hashlib.sha256("|".join(parts).encode()).hexdigest()
