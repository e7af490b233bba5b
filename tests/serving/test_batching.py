"""Images of several requests are computed together, in the order in which they came, and none is lost."""

import asyncio
import threading

import numpy as np
import pytest

from residual.serving.batching import Batcher
from residual.serving.refusals import Refusal


def make_images(*values: int) -> np.ndarray:
    return np.array(values, np.uint8).reshape(-1, 1, 1, 1)


class Engine:
    """Answers with the value of each image, when it is allowed to, and notes the batches."""

    def __init__(self):
        self.batches: list[list[int]] = []
        self.started, self.allowed = threading.Semaphore(0), threading.Event()
        self.allowed.set()

    def predict(self, images: np.ndarray) -> np.ndarray:
        self.batches.append(images.ravel().tolist())
        self.started.release()
        assert self.allowed.wait(10)
        if 99 in images:
            raise RuntimeError("broken")
        return images.reshape(-1, 1).astype(np.float32)


def run(scenario, **options):
    """Run an async function of a batcher and its engine; its result."""
    engine = Engine()

    async def start():
        batcher = Batcher(engine.predict, **{"max_batch": 4, "queue": 20, "window": 0.0, **options})
        batcher.start()
        try:
            return await scenario(batcher, engine)
        finally:
            engine.allowed.set()
            await asyncio.to_thread(batcher.close)

    return asyncio.run(start()), engine.batches


async def ask(batcher: Batcher, *values: int) -> list[float]:
    with batcher.take_places(len(values)) as places:
        return (await places.predict(make_images(*values))).ravel().tolist()


async def fill_while_busy(batcher: Batcher, engine: Engine, *requests: tuple[int, ...]):
    """Have requests wait together while the engine is busy with another."""
    engine.allowed.clear()
    first = asyncio.create_task(ask(batcher, 0))
    await asyncio.to_thread(engine.started.acquire)
    tasks = [asyncio.create_task(ask(batcher, *values)) for values in requests]
    await asyncio.sleep(0)
    engine.allowed.set()
    return await asyncio.gather(first, *tasks, return_exceptions=True)


def test_what_waits_is_one_batch_as_far_as_it_fits():
    async def scenario(batcher, engine):
        return await fill_while_busy(batcher, engine, (1,), (2, 3), (4, 5), (6,))

    answers, batches = run(scenario)
    assert answers == [[0], [1], [2, 3], [4, 5], [6]]
    assert batches == [[0], [1, 2, 3], [4, 5, 6]]


def test_a_large_request_is_split_and_put_together_again():
    async def scenario(batcher, engine):
        return await ask(batcher, *range(10))

    answer, batches = run(scenario)
    assert answer == list(range(10))
    assert batches == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_a_batch_waits_for_what_is_being_decoded():
    async def scenario(batcher, engine):
        with batcher.take_places(1) as late:
            first = asyncio.create_task(ask(batcher, 1))
            await asyncio.sleep(0.05)
            assert engine.batches == []
            return [(await late.predict(make_images(2))).ravel().tolist(), await first]

    answers, batches = run(scenario, window=5.0)
    assert answers == [[2], [1]]
    assert batches == [[1, 2]]


def test_a_batch_does_not_wait_longer_than_the_window():
    async def scenario(batcher, engine):
        with batcher.take_places(1):
            return await ask(batcher, 1)

    answer, batches = run(scenario, window=0.02)
    assert (answer, batches) == ([1], [[1]])


def test_a_request_that_is_alone_does_not_wait():
    async def scenario(batcher, engine):
        return await asyncio.wait_for(ask(batcher, 1), 2)

    assert run(scenario, window=1e6)[0] == [1]


def test_a_request_whose_decoding_fails_gives_its_places_back():
    async def scenario(batcher, engine):
        with pytest.raises(ValueError, match="bad"), batcher.take_places(3):
            raise ValueError("bad")
        return batcher.length, await asyncio.wait_for(ask(batcher, 1), 2)

    assert run(scenario, window=1e6)[0] == (0, [1])


def test_an_error_of_the_engine_fails_its_batch_alone():
    async def scenario(batcher, engine):
        answers = await fill_while_busy(batcher, engine, (1, 99), (2,), (3, 4))
        return answers, await ask(batcher, 5)

    (answers, after), _ = run(scenario)
    assert [str(answer) for answer in answers] == ["[0.0]", "broken", "broken", "[3.0, 4.0]"]
    assert after == [5]


def test_places_are_bounded():
    async def scenario(batcher, engine):
        with batcher.take_places(15):
            with pytest.raises(Refusal, match="All 20 places") as full, batcher.take_places(6):
                pass
            with batcher.take_places(5):
                assert batcher.length == 20
        with pytest.raises(Refusal, match="at most 20 images") as large:
            batcher.check_room(21)
        return full.value.status, large.value.status, batcher.length

    assert run(scenario)[0] == (503, 413, 0)


def test_what_has_arrived_is_computed_before_the_end():
    async def scenario(batcher, engine):
        engine.allowed.clear()
        tasks = [asyncio.create_task(ask(batcher, value)) for value in (1, 2, 3)]
        await asyncio.to_thread(engine.started.acquire)
        closing = asyncio.create_task(asyncio.to_thread(batcher.close))
        await asyncio.sleep(0.01)
        engine.allowed.set()
        await closing
        return await asyncio.gather(*tasks)

    assert run(scenario)[0] == [[1], [2], [3]]
