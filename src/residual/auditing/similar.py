"""Pictures that are nearly the same.

Nearly the same means the same picture stored again: compressed anew, scaled, brightened or with less contrast.
A picture that was cut, shifted, turned or mirrored is found only if little of it moved, or not at all.

Candidates are found by a perceptual hash: the signs of the 128 lowest frequencies of a 16x16 grey miniature
(Zauner, "Implementation and benchmarking of perceptual image hash functions", 2010). Two of them that have one
of eight blocks of 16 bits in common become neighbours when the hashes are sorted with this block in front
(Charikar, "Similarity estimation techniques from rounding algorithms", 2002), so that the work grows with
n log n. Every candidate is then confirmed on the pixels.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from residual.auditing.scan import SIDE, Facts, decode_content, read_content
from residual.data.image_file import QUIET, Unreadable
from residual.data.source import Source

BITS, BLOCKS = 128, 8
_NEIGHBOURS = 48  # compared after each hash in sorted order
_MOST_BITS = 28  # that may differ in a candidate
_LOOSEST, _STRICTEST = 0.95, 0.992
_CLOSER = 0.18
_SAMPLE, _AGAINST = 400, 20_000
_CONFIRM_SIDE = 32
_PIECE = 4096
_ONES = np.unpackbits(np.arange(2**16, dtype=np.uint16).view(np.uint8).reshape(-1, 2), axis=1).sum(
    1, dtype=np.uint8
)


def find_near_pairs(source: Source, facts: Facts, firsts: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of pictures that are nearly the same, confirmed on their pixels.

    How alike two pictures must be depends on the data: as X-rays or drawn digits are all alike, and photographs
    are not, a pair must differ by less than 18% of what the most similar other picture usually differs by.

    Args:
        source: the images.
        facts: of their scan.
        firsts: one image of every picture, so that no pair has the same pixels.
    """
    usable = firsts[facts.readable[firsts] & ~facts.constant[firsts]]
    if len(usable) < 2:
        return []
    least = _least_likeness(facts.miniature[usable])
    pairs = usable[_find_candidates(facts.miniature[usable])]
    pairs = pairs[_correlate(facts, pairs) >= least]
    return [(int(a), int(b)) for a, b in _confirm(source, facts, pairs, least)]


def _normalize(miniatures: np.ndarray) -> np.ndarray:
    """float32 (n, values): mean 0 and length 1, so that a product of two is their correlation."""
    flat = miniatures.reshape(len(miniatures), -1).astype(np.float32)
    flat -= flat.mean(1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)


def _least_likeness(miniatures: np.ndarray) -> float:
    """The correlation from which on two pictures of this data count as one."""
    rng = np.random.default_rng(0)
    sample = rng.choice(len(miniatures), min(_SAMPLE, len(miniatures)), replace=False)
    others = rng.choice(len(miniatures), min(_AGAINST, len(miniatures)), replace=False)
    likeness = _normalize(miniatures[sample]) @ _normalize(miniatures[others]).T
    likeness[sample[:, None] == others[None, :]] = -1
    usual = 1 - float(np.median(likeness.max(1)))
    return float(np.clip(1 - _CLOSER * usual, _LOOSEST, _STRICTEST))


def hash_perceptually(miniatures: np.ndarray) -> np.ndarray:
    """uint16 (n, 8): 128 bits, the lowest frequencies first.

    Args:
        miniatures: uint8 (n, 16, 16).
    """
    k, x = np.arange(SIDE)[:, None], np.arange(SIDE)[None]
    cosine = np.cos(np.pi * (2 * x + 1) * k / (2 * SIDE))
    frequencies = sorted(
        ((u, v) for u in range(SIDE) for v in range(SIDE) if u or v), key=lambda f: (f[0] ** 2 + f[1] ** 2, f)
    )
    rows, columns = np.array(frequencies[:BITS]).T
    waves = np.einsum("fi,fj->ijf", cosine[rows], cosine[columns]).reshape(SIDE * SIDE, BITS)
    bits = [
        miniatures[i : i + _PIECE].reshape(-1, SIDE * SIDE).astype(np.float32) @ waves.astype(np.float32) > 0
        for i in range(0, len(miniatures), _PIECE)
    ]
    return np.packbits(np.concatenate(bits), axis=1).view(">u2").astype(np.uint16)


def _find_candidates(miniatures: np.ndarray) -> np.ndarray:
    """int64 (pairs, 2), each pair once and sorted."""
    blocks = hash_perceptually(miniatures)
    found = [np.empty((0, 2), np.int64)]
    for block in range(BLOCKS):
        order = np.lexsort(np.roll(blocks, -block, axis=1).T[::-1])
        key = blocks[order, block]
        for step in range(1, min(_NEIGHBOURS, len(order) - 1) + 1):
            places = np.flatnonzero(key[step:] == key[:-step])
            pairs = np.stack([order[places], order[places + step]], axis=1)
            differing = _ONES[blocks[pairs[:, 0]] ^ blocks[pairs[:, 1]]].sum(1)
            found.append(pairs[differing <= _MOST_BITS])
    return np.unique(np.sort(np.concatenate(found), axis=1), axis=0)


def _correlate(facts: Facts, pairs: np.ndarray) -> np.ndarray:
    """float32 (pairs,): the correlation of the miniatures."""
    pieces = [pairs[i : i + _PIECE] for i in range(0, len(pairs), _PIECE)]
    products = [
        (_normalize(facts.miniature[piece[:, 0]]) * _normalize(facts.miniature[piece[:, 1]])).sum(1)
        for piece in pieces
    ]
    return np.concatenate([np.empty(0, np.float32), *products])


def _confirm(source: Source, facts: Facts, pairs: np.ndarray, least: float) -> Iterator[np.ndarray]:
    """The pairs whose colour pixels, read again and scaled to 32x32, are as alike too.

    If one of the two is smaller than that they are compared at 16x16: the other has details that it lacks.
    """
    colours = dict(shrink_images(source, np.unique(pairs)))
    for pair in pairs:
        if not all(int(i) in colours for i in pair):
            continue
        both = np.stack([colours[int(i)] for i in pair])
        if facts.size[pair].min() < _CONFIRM_SIDE:
            both = both.reshape(2, SIDE, 2, SIDE, 2, 3).mean((2, 4))
        one, other = _normalize(both)
        if float((one * other).sum()) >= least:
            yield pair


def shrink_images(source: Source, indices: Iterable[int]) -> Iterator[tuple[int, np.ndarray]]:
    """(index, uint8 (32, 32, 3)) of images, in the order of reading."""
    from PIL import Image

    with QUIET:
        for i in map(int, indices):
            try:
                image, _ = decode_content(read_content(source, i))
            except Unreadable:
                continue
            smaller = image.resize((_CONFIRM_SIDE, _CONFIRM_SIDE), Image.Resampling.BILINEAR)
            yield i, np.asarray(smaller)
