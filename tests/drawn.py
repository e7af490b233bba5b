"""Draws of a random generator, given by hand, and random pictures."""

import numpy as np


class Drawn:
    """A generator whose draws are given, in order; uniform ones as shares of the range, one row per call's
    leading axis."""

    def __init__(self, *values):
        self.values = list(values)

    def random(self, shape):
        return np.broadcast_to(np.asarray(self.values.pop(0), float), shape)

    def integers(self, low, high, shape=()):
        drawn = np.asarray(self.values.pop(0))
        return np.broadcast_to(drawn.reshape(2, -1) if np.size(shape) == 2 else drawn, shape)

    def uniform(self, low, high, shape):
        share = np.asarray(self.values.pop(0), float)
        share = share.reshape(share.shape + (1,) * (len(shape) - share.ndim))
        return np.broadcast_to(low + (high - low) * share, shape)

    def beta(self, a, b):
        return self.values.pop(0)

    def permutation(self, n):
        return np.asarray(self.values.pop(0))

    def choice(self, among, shape):
        return np.asarray(self.values.pop(0))


def pictures(n=5, height=6, width=7, channels=3, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, height, width, channels), dtype=np.uint8)
