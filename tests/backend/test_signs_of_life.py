"""A process is dead when its sign of life has not changed for long, and not when this one stood still itself."""

from residual.backend.signs_of_life import BEAT, SILENCE, SignsOfLife


def look(signs, seconds, found):
    """Look every BEAT from the first to the last of the seconds; what the looks found, without None."""
    times = [seconds[0] + BEAT * i for i in range(int((seconds[1] - seconds[0]) / BEAT))]
    return [dead for now in times if (dead := signs.look(now, found(now))) is not None]


def test_all_live():
    assert not look(SignsOfLife(3, 0), (0, 200), lambda now: dict.fromkeys(range(3), str(now)))


def test_the_silent_one_is_dead():
    def found(now):
        return {0: str(now), 1: str(min(now, 50)), 2: str(now)}

    signs = SignsOfLife(3, 0)
    assert not look(signs, (0, 50 + SILENCE), found)
    assert set(look(signs, (50 + SILENCE, 100), found)) == {1}


def test_one_that_never_came_is_dead():
    assert set(look(SignsOfLife(2, 0), (0, 2 * SILENCE), lambda now: {0: str(now)})) == {1}


def test_process_0_is_dead_if_it_does_not_answer():
    assert set(look(SignsOfLife(2, 0), (0, 2 * SILENCE), lambda now: None)) == {0}


def test_seconds_that_this_process_slept_do_not_count():
    signs = SignsOfLife(2, 0)
    assert not look(signs, (0, 20), lambda now: {0: str(now), 1: "a"})
    assert signs.look(500, {0: "b", 1: "a"}) is None
    assert not look(signs, (502, 500 + SILENCE), lambda now: {0: str(now), 1: "a"})
    assert set(look(signs, (500 + SILENCE, 600), lambda now: {0: str(now), 1: "a"})) == {1}
