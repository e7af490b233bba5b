"""From labelled images to the batches of one epoch after another, made while the step before them runs."""

import functools
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import keras
import numpy as np

from residual.data.augment import Augmentation, augmented
from residual.data.decoding import cores
from residual.data.images import Images
from residual.errors import DataError

_MOST_THREADS = 4


@functools.cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """One for all `Batches`: TensorFlow keeps those that it has seen, and their threads would add up."""
    return ThreadPoolExecutor(threads, "batches")


class Batches(keras.utils.PyDataset):
    """Training batches: uint8 images (b, h, w, 3) and one-hot labels float32 (b, classes), mixed
    where an augmentation mixes images.

    Each epoch is a new order of all images; the last batch holds what is left over. Order and augmentation
    of a step depend only on (seed, epoch, step), so any step can be made again. Keras may ask for the
    steps of an epoch in any order.

    Whoever asks for a step also starts the making of the next ones in the background, on a thread for every
    two cores. (Keras's own `workers` would do so too, but stop for 0.1 s at the end of every epoch.)

    Args:
        images: what to train on.
        classes: number of classes.
        batch_size: images per batch.
        augment: applied in turn to every batch.
        seed: of order and augmentation.
        shuffle: whether to order anew; without it the images come in their own order, as for validation.

    Attributes:
        epoch: which one the batches are of, counted from 0.
        first: the step that a resumed epoch begins with; `batches[0]` is that one, and `len` counts from it.
        waited: seconds that training waited for batches; kept by `training.waiting.Waiting`.

    Raises:
        DataError: when `batch_size` is below 1 or there are no images.
    """

    def __init__(
        self,
        images: Images,
        classes: int,
        batch_size: int,
        augment: Sequence[Augmentation] = (),
        seed: int = 0,
        shuffle: bool = True,
    ):
        super().__init__()
        if batch_size < 1:
            raise DataError(f"batch_size must be at least 1; got {batch_size}.")
        if not len(images):
            raise DataError("There are no images to make batches of.")
        self.images = images
        self.classes = classes
        self.batch_size = batch_size
        self.augment = tuple(augment)
        self.seed = seed
        self.shuffle = shuffle
        self.epoch = 0
        self.first, self._begins = 0, False
        self.order = np.arange(len(images))
        self.waited = 0.0
        threads = max(1, min(_MOST_THREADS, cores() // 2))
        self._pool, self._ahead = _pool(threads), threads + 1
        self._under_way: dict[int, Future] = {}
        self._asked_and_given: list[tuple[float, float]] = []
        self.begin_at(0)

    @property
    def steps(self) -> int:
        """Of a whole epoch."""
        return -(-len(self.images) // self.batch_size)

    def __len__(self) -> int:
        return self.steps - self.first

    def __getitem__(self, step: int):
        asked = time.perf_counter()
        step += self.first
        batch = self._start(step).pop(step).result()
        self._asked_and_given.append((asked, time.perf_counter()))
        return batch

    def _start(self, step: int) -> dict[int, Future]:
        """Have this step and the next ones of the epoch made, as far as they are not yet; all under way."""
        under_way = self._under_way
        for later in range(step, min(step + 1 + self._ahead, self.steps)):
            if later not in under_way:
                under_way[later] = self._pool.submit(self._make, self.epoch, self.order, later)
        return under_way

    def _make(self, epoch: int, order: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
        indices = order[step * self.batch_size : (step + 1) * self.batch_size]
        x = self.images.x[indices]
        y = np.zeros((len(indices), self.classes), np.float32)
        y[np.arange(len(indices)), self.images.y[indices]] = 1
        return augmented(x, y, self.augment, np.random.default_rng((self.seed, epoch, step)))

    def waited_for(self, nth: int, since: float) -> float:
        """Seconds that whoever wants the nth batch of the epoch since then (`time.perf_counter`) waited for it."""
        if nth >= len(self._asked_and_given):
            return 0.0
        asked, given = self._asked_and_given[nth]
        return max(0.0, given - max(since, asked))  # what goes by before Keras asks, it needs itself

    def begin_at(self, epoch: int, step: int = 0) -> None:
        """Let the next `fit` begin with this step of this epoch, both counted from 0; later epochs are whole."""
        self.first, self._begins = step, True
        self._turn_to(epoch)

    def on_epoch_end(self):
        """A new order. Keras calls this after each epoch, and once before the first."""
        if not self._begins:
            self.first, self.epoch = 0, self.epoch + 1
        self._begins = False
        self._turn_to(self.epoch)

    def _turn_to(self, epoch: int) -> None:
        """Drop what is under way, order the images of an epoch, and have its first batches made."""
        self.epoch = epoch
        for batch in self._under_way.values():
            batch.cancel()
        self._under_way, self._asked_and_given = {}, []
        if self.shuffle:
            self.order = np.random.default_rng((self.seed, epoch)).permutation(len(self.images))
        self._start(self.first)
