"""From labelled images to the batches of one epoch after another, made while the step before them runs."""

import functools
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from residual.augment import Augmentation, apply_augmentations
from residual.augment.resize import scale_down
from residual.backend import distribution
from residual.data.images import Images
from residual.data.ordered_work import count_cores
from residual.errors import DataError

_MOST_THREADS = 4


@functools.cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """One for all `Batches`: TensorFlow keeps those that it has seen, and their threads would add up."""
    return ThreadPoolExecutor(threads, "batches")


@dataclass(frozen=True)
class _Epoch:
    """One order of the images, and its batches.

    It is exchanged whole: a thread of Keras's may still ask for batches of the epoch before, and must not begin
    some in the old order that the new epoch would find.

    Attributes:
        number: counted from 0.
        order: of the images, (n,).
        first: the step that it begins with.
        side: of the images, in pixels; None leaves them as they are.
        under_way: the batches being made, by their step.
        asked_and_given: when each batch was asked for and given, `time.perf_counter()`.
    """

    number: int
    order: np.ndarray
    first: int
    side: int | None = None
    under_way: dict[int, Future] = field(default_factory=dict)
    asked_and_given: list[tuple[float, float]] = field(default_factory=list)


class Batches(keras.utils.PyDataset):
    """Training batches: uint8 images (b, h, w, 3) and one-hot labels float32 (b, classes), mixed
    if an augmentation mixes images. If several devices train together, they lie on these, as `Group.place` says.

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
        order: of the images in it, (n,).
        first: the step that a resumed epoch begins with; `batches[0]` is that one, and `len` counts from it.
        side: the shorter side in pixels that images are scaled down to before they are augmented, from the next
            `begin_at` on; None leaves them as they are.
        waited: seconds that training waited for batches; kept by `callbacks.waiting_time.WaitingTime`.

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
        self.side: int | None = None
        self.waited = 0.0
        self._group = distribution.current()
        threads = max(1, min(_MOST_THREADS, count_cores() // 2))
        self._pool, self._ahead = _pool(threads), threads + 1
        self._now = _Epoch(0, np.arange(0), 0)
        self.begin_at(0)

    @property
    def epoch(self) -> int:
        return self._now.number

    @property
    def order(self) -> np.ndarray:
        return self._now.order

    @property
    def first(self) -> int:
        return self._now.first

    @property
    def steps(self) -> int:
        """Of a whole epoch."""
        return -(-len(self.images) // self.batch_size)

    def __len__(self) -> int:
        return self.steps - self.first

    def __getitem__(self, step: int):
        asked, epoch = time.perf_counter(), self._now
        step += epoch.first
        wanted = epoch.under_way.pop(step, None) or self._begin(epoch, step)
        self._prepare(epoch, step + 1)
        batch = wanted.result()
        epoch.asked_and_given.append((asked, time.perf_counter()))
        return batch

    def _prepare(self, epoch: _Epoch, step: int) -> None:
        """Have the next batches made, from this step of the epoch on, as far as they are not yet."""
        for later in range(step, min(step + self._ahead, self.steps)):
            if later not in epoch.under_way:
                epoch.under_way[later] = self._begin(epoch, later)

    def _begin(self, epoch: _Epoch, step: int) -> Future:
        return self._pool.submit(self._make, epoch, step)

    def _make(self, epoch: _Epoch, step: int) -> tuple[Any, Any]:
        indices = epoch.order[step * self.batch_size : (step + 1) * self.batch_size]
        group = self._group
        if group is None:
            return self._read(epoch, step, indices, slice(None))
        return group.place(*self._read(epoch, step, indices, group.rows(len(indices))))

    def _read(
        self, epoch: _Epoch, step: int, indices: np.ndarray, rows: slice
    ) -> tuple[np.ndarray, np.ndarray]:
        """Some rows of a batch's images, and all of its labels.

        An augmentation draws for the whole batch, and may mix any two of its images: the rows are taken afterwards.
        """
        y = np.zeros((len(indices), self.classes), np.float32)
        y[np.arange(len(indices)), self.images.y[indices]] = 1
        x = self.images.x[indices if self.augment else indices[rows]]
        if epoch.side is not None:
            x = scale_down(np.asarray(x), epoch.side)
        if not self.augment:
            return x, y
        draws = np.random.default_rng((self.seed, epoch.number, step))
        x, y = apply_augmentations(x, y, self.augment, draws, indices, epoch.number)
        return x[rows], y

    def read_batch(self, nth: int) -> tuple[np.ndarray, np.ndarray]:
        """The nth batch of the epoch as it lies in memory, counted as Keras does, from where the epoch begins."""
        epoch = self._now
        step = epoch.first + nth
        indices = epoch.order[step * self.batch_size : (step + 1) * self.batch_size]
        return self._read(epoch, step, indices, slice(None))

    def waited_for(self, nth: int, since: float) -> float:
        """Seconds that whoever wants the nth batch of the epoch since then (`time.perf_counter`) waited for it."""
        times = self._now.asked_and_given
        if nth >= len(times):
            return 0.0
        asked, given = times[nth]
        return max(0.0, given - max(since, asked))  # what goes by before Keras asks, it needs itself

    def begin_at(self, epoch: int, step: int = 0) -> None:
        """Let the next `fit` begin with this step of this epoch, both counted from 0; later epochs are whole."""
        self._begins = True
        self._turn_to(epoch, step)

    def on_epoch_end(self):
        """A new order. Keras calls this after each epoch, and once before the first."""
        if self._begins:
            self._turn_to(self.epoch, self.first)
        else:
            self._turn_to(self.epoch + 1)
        self._begins = False

    def _turn_to(self, epoch: int, first: int = 0) -> None:
        """Drop what is under way, order the images of an epoch, and have its first batches made."""
        before, count = self._now, len(self.images)
        order = (
            np.random.default_rng((self.seed, epoch)).permutation(count) if self.shuffle else np.arange(count)
        )
        self._now = _Epoch(epoch, order, first, self.side)
        for batch in list(before.under_way.values()):
            batch.cancel()
        self._prepare(self._now, first)


def in_order(images: Images, classes: int, batch_size: int) -> Batches:
    """Images and labels for Keras in their own order, a batch at a time, as they may lie on disk."""
    return Batches(images, classes, batch_size, shuffle=False)
