"""Images of several requests become one batch, and no more images are accepted than the queue holds."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from residual.serving.refusals import Refusal

Predict = Callable[[np.ndarray], np.ndarray]


class _Piece:
    """Some images of one request, at most as many as a batch holds, and the future of their probabilities."""

    def __init__(self, images: np.ndarray):
        self.images, self.arrived = images, time.monotonic()
        self.answer = asyncio.get_running_loop().create_future()

    def resolve(self, probabilities: np.ndarray | None, error: Exception | None) -> None:
        """Give the answer to whoever waits for it; called in the event loop."""
        if self.answer.done():  # cancelled: the server stops
            return
        if error is not None:
            self.answer.set_exception(error)
        else:
            self.answer.set_result(probabilities)


class Batcher:
    """A thread that computes batches.

    A request takes places in the queue, decodes its images, and then has them computed. A batch that is not full waits
    for images that have a place and are still being decoded, until the window since its first image is over. A request
    that is alone never waits.

    Args:
        predict: probabilities (n, classes) of images (n, height, width, 3).
        max_batch: images of one batch.
        queue: images that have a place at once.
        window: seconds.
        report: called in the thread after each batch, with its number of images and seconds.
    """

    def __init__(
        self,
        predict: Predict,
        max_batch: int,
        queue: int,
        window: float,
        report: Callable[[int, float], None] = lambda images, seconds: None,
    ):
        self.limit = queue
        self._predict, self._max_batch, self._window, self._report = predict, max_batch, window, report
        self._changed = threading.Condition()
        self._pieces: deque[_Piece] = deque()
        self._taken = self._coming = 0  # images with a place, and those of them that have not arrived
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="inference", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """Compute what has arrived, then end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    @property
    def length(self) -> int:
        """Images that have a place in the queue."""
        return self._taken

    def check_room(self, images: int = 1) -> None:
        """Raise if there are no places for so many images.

        Raises:
            Refusal: 413 if there never are, 503 if there may be some soon.
        """
        if images > self.limit:
            raise Refusal(413, f"One request may hold at most {self.limit} images; got {images}.")
        if self._taken + images > self.limit:
            raise Refusal(503, f"All {self.limit} places in the queue are taken. Try again in a second.")

    @contextmanager
    def take_places(self, images: int) -> Iterator["Places"]:
        """Hold places for so many images.

        Raises:
            Refusal: if there are not enough.
        """
        self.check_room(images)
        places = Places(self, images)
        with self._changed:
            self._taken += images
            self._coming += images
        try:
            yield places
        finally:
            with self._changed:
                self._taken -= images
                self._coming -= places.empty
                self._changed.notify()

    def submit(self, images: np.ndarray) -> list["asyncio.Future[np.ndarray]"]:
        """Queue images whose places are taken, in pieces that a batch can hold."""
        starts = range(0, len(images), self._max_batch)
        pieces = [_Piece(images[start : start + self._max_batch]) for start in starts]
        with self._changed:
            self._pieces.extend(pieces)
            self._coming -= len(images)
            self._changed.notify()
        return [piece.answer for piece in pieces]

    def _run(self) -> None:
        while pieces := self._collect():
            self._compute(pieces)

    def _collect(self) -> list[_Piece]:
        """The pieces of the next batch; [] when the server stops."""
        with self._changed:
            while not self._pieces and not self._closed:
                self._changed.wait()
            self._wait_for_more()
            batch, images = [], 0
            while self._pieces and images + len(self._pieces[0].images) <= self._max_batch:
                batch.append(self._pieces.popleft())
                images += len(batch[-1].images)
            return batch

    def _wait_for_more(self) -> None:
        """Wait until the batch is full, nothing more is coming, or the window is over."""
        while self._pieces and self._coming > 0 and not self._closed:
            left = self._pieces[0].arrived + self._window - time.monotonic()
            if left <= 0 or sum(len(piece.images) for piece in self._pieces) >= self._max_batch:
                return
            self._changed.wait(left)

    def _compute(self, pieces: list[_Piece]) -> None:
        images = pieces[0].images if len(pieces) == 1 else np.concatenate([piece.images for piece in pieces])
        started, probabilities, problem = time.perf_counter(), None, None
        try:
            probabilities = self._predict(images)
        except Exception as error:  # whatever a runtime raises: these requests fail, the server goes on
            problem = error
        self._report(len(images), time.perf_counter() - started)
        loop = pieces[0].answer.get_loop()
        if not loop.is_closed():
            loop.call_soon_threadsafe(_resolve_all, pieces, probabilities, problem)


def _resolve_all(pieces: list[_Piece], probabilities: np.ndarray | None, error: Exception | None) -> None:
    start = 0
    for piece in pieces:
        stop = start + len(piece.images)
        piece.resolve(None if probabilities is None else probabilities[start:stop], error)
        start = stop


class Places:
    """Places in the queue that one request holds.

    Attributes:
        empty: those whose images have not arrived.
    """

    def __init__(self, batcher: Batcher, images: int):
        self._batcher, self.empty = batcher, images

    async def predict(self, images: np.ndarray) -> np.ndarray:
        """Probabilities (n, classes) of images that have a place here: uint8 (n, height, width, 3)."""
        self.empty -= len(images)
        answers = self._batcher.submit(images)
        return np.concatenate(await asyncio.gather(*answers))
