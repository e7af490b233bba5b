"""States of a training on disk: whole or not there, damage seen, two kept."""

import numpy as np
import pytest

from residual.runs import checkpoints
from residual.runs.checkpoints import State, number_arrays


def state(step: int, values=(1.5, 2.5)) -> State:
    arrays = number_arrays("weights", [np.full((2, 3), values[0], np.float32), np.array(values[1])])
    return State(step, arrays, {"epoch": 1, "step": step, "best": {"score": [0.5, -1e-9]}})


def test_a_state_comes_back(tmp_path):
    path = checkpoints.write(tmp_path / "checkpoints", state(7))
    back = checkpoints.read(path)
    assert (back.step, back.facts) == (7, state(7).facts)
    assert [w.tolist() for w in back.named("weights")] == [[[1.5] * 3] * 2, 2.5]
    assert path.name.startswith("step-7.")


def test_arrays_come_back_in_their_order_and_are_copies():
    values = [np.array([i], np.float32) for i in range(12)]
    kept = State(0, number_arrays("weights", values), {})
    values[3][0] = 99
    assert [int(value[0]) for value in kept.named("weights")] == list(range(12))


def test_the_last_two_are_kept(tmp_path):
    for step in (5, 9, 100, 12):
        checkpoints.write(tmp_path, state(step))
    assert [checkpoints.step_of(path) for path in checkpoints.list_checkpoints(tmp_path)] == [100, 12]


@pytest.mark.parametrize("damage", ["flipped", "cut short", "emptied"])
def test_a_damaged_one_is_seen_and_the_one_before_it_used(tmp_path, damage):
    checkpoints.write(tmp_path, state(5))
    newest = checkpoints.write(tmp_path, state(9))
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes({"flipped": content, "cut short": content[:-40], "emptied": b""}[damage])
    found = [(checkpoints.step_of(path), kept is not None) for path, kept in checkpoints.newest(tmp_path)]
    assert found == [(9, False), (5, True)]


def test_every_flipped_bit_is_seen(tmp_path):
    path = checkpoints.write(tmp_path, state(5))
    content = path.read_bytes()
    for place in np.random.default_rng(0).integers(0, 8 * len(content), 200):
        damaged = bytearray(content)
        damaged[place // 8] ^= 1 << (place % 8)
        path.write_bytes(damaged)
        assert checkpoints.read(path) is None


def test_a_writing_that_fails_leaves_those_that_are_there(tmp_path, monkeypatch):
    checkpoints.write(tmp_path, state(5))

    def full(file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoints.write(tmp_path, state(9))
    assert [checkpoints.step_of(path) for path in checkpoints.list_checkpoints(tmp_path)] == [5]
    assert [path.name for path in tmp_path.iterdir()] == [
        path.name for path in checkpoints.list_checkpoints(tmp_path)
    ]


def test_removing_leaves_what_is_not_ours(tmp_path):
    folder = tmp_path / "checkpoints"
    checkpoints.write(folder, state(5))
    (folder / "notes.txt").write_text("mine")
    (folder / ".unfinished").write_bytes(b"half")
    checkpoints.remove(folder)
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]
    (folder / "notes.txt").unlink()
    checkpoints.remove(folder)
    assert not folder.exists()


def test_a_damaged_one_set_aside_does_not_push_out_the_new_ones(tmp_path):
    for path in [checkpoints.write(tmp_path, state(step)) for step in (900, 1000)]:
        path.write_bytes(b"")
        checkpoints.mark_damaged(path)
    new = checkpoints.write(tmp_path, state(60))
    assert checkpoints.list_checkpoints(tmp_path) == [new]
    checkpoints.remove(tmp_path)
    assert not tmp_path.exists()


def test_a_state_goes_to_another_process_unchanged():
    back = checkpoints.unpack(checkpoints.pack(state(7)))
    assert (back.step, back.facts, list(back.arrays)) == (7, state(7).facts, list(state(7).arrays))
    assert [w.tolist() for w in back.named("weights")] == [[[1.5] * 3] * 2, 2.5]
