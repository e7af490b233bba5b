"""The fastest way is measured once, remembered, kept in the run, and used."""

import json
from collections import Counter

import keras
import pytest

from residual import backend
from residual.backend import accelerate, choice, processor
from residual.backend.answer_cache import AnswerCache
from residual.backend.choice import Choice, choose, convolution_question, norm_question
from residual.backend.precision import compare_speed
from residual.backend.tensorflow_cpu import timing
from residual.models import zoo
from residual.models.build import build_network

pytestmark = pytest.mark.skipif(
    not backend.on_tensorflow_cpu(), reason="what is measured is TensorFlow on a CPU"
)
ALL = choice.FASTER  # before the fixture of all tests empties it


@pytest.fixture
def measured(monkeypatch):
    """Ask all questions, as users do."""
    monkeypatch.setattr(choice, "FASTER", ALL)


@pytest.fixture
def small():
    """A ResNet whose convolutions include a small wide 3x3, a strided one and a 1x1."""
    return build_network(zoo.find_spec("cifar-resnet8-projection-all"), (16, 16, 3), 3)


def adam():
    return keras.optimizers.Adam(0.01)


def forbid(monkeypatch):
    """Make the timings fail."""

    def fail(*args, **kwargs):
        raise AssertionError("measured again")

    for name in ("time_convolution", "time_norm", "time_optimizer"):
        monkeypatch.setattr(timing, name, fail)


def test_every_layer_shape_is_asked_once(measured, small, tmp_path):
    cache = AnswerCache(tmp_path / "fastest.json")
    found = choose(small, 4, adam(), "float32", cache)
    kinds = Counter(name.split(" of ")[0] for name in found.answers)
    assert kinds == {"adam": 1, "norm": 3, "convolution": 6}
    assert {answer for name, answer in found.answers.items() if name.startswith("norm")} <= {"keras", "fused"}
    ways = [answer.split() for name, answer in found.answers.items() if name.startswith("convolution")]
    assert all(len(way) == 3 and set(way) <= {"library", "product", "swapped"} for way in ways)
    assert found.precision == "float32"
    assert found.reason.startswith("float32, as asked; fastest ways by 10 timings in ")


def test_what_was_measured_is_not_measured_again(measured, small, tmp_path, monkeypatch):
    path = tmp_path / "cache" / "fastest.json"
    first = choose(small, 4, adam(), "float32", AnswerCache(path))
    forbid(monkeypatch)
    second = choose(small, 4, adam(), "float32", AnswerCache(path))
    assert second.answers == first.answers
    assert second.reason == "float32, as asked; fastest ways as measured before"


def test_another_machine_measures_for_itself(measured, small, tmp_path, monkeypatch):
    path = tmp_path / "fastest.json"
    choose(small, 4, adam(), "float32", AnswerCache(path))
    before = json.loads(path.read_text())
    monkeypatch.setattr(processor, "name", lambda: "another processor")
    assert AnswerCache(path).get(next(iter(next(iter(before.values()))))) is None
    choose(small, 4, adam(), "float32", AnswerCache(path))
    after = json.loads(path.read_text())
    assert len(after) == 2
    assert before.items() <= after.items()


@pytest.mark.parametrize("damage", ["", "{", "[1]", '{"a": 3}', "[" * 100_000, "\x00"])
def test_a_damaged_cache_is_ignored_and_replaced(measured, small, tmp_path, damage):
    path = tmp_path / "fastest.json"
    path.write_text(damage)
    found = choose(small, 4, adam(), "float32", AnswerCache(path))
    assert "fastest ways by 10 timings" in found.reason
    assert found.answers in json.loads(path.read_text()).values()


@pytest.mark.parametrize(
    "word",
    ["banana", "product banana", "swapped library library", "product product product product", "", 3, None],
)
def test_answers_that_are_none_are_measured_again(measured, small, tmp_path, word):
    path = tmp_path / "fastest.json"
    choose(small, 4, adam(), "float32", AnswerCache(path))
    tables = json.loads(path.read_text())
    path.write_text(json.dumps({name: dict.fromkeys(table, word) for name, table in tables.items()}))
    found = choose(small, 4, adam(), "float32", AnswerCache(path))
    assert "by 10 timings" in found.reason
    assert all(choice.is_valid(name, answer) for name, answer in found.answers.items())


@pytest.mark.parametrize("gain", ["0.00", "nan", "inf", "-1.5", "banana", ""])
def test_a_gain_that_is_none_is_measured_again(small, tmp_path, monkeypatch, gain):
    monkeypatch.setattr(processor, "flags", lambda: frozenset({"avx512_bf16"}))
    monkeypatch.setattr(choice, "_gain", lambda shapes, batch_size: 1.5)
    cache = AnswerCache(tmp_path / "fastest.json")
    question = next(iter(choose(small, 4, adam(), "auto", cache).answers))
    cache.add({question: gain})
    assert choose(small, 4, adam(), "auto", cache).answers[question] == "1.50"


def test_without_a_home_folder_nothing_is_kept(measured, small, monkeypatch):
    def fail(name):
        raise RuntimeError("could not determine the home directory")

    monkeypatch.setattr("platformdirs.user_cache_path", fail)
    assert choose(small, 4, adam(), "float32").reason.endswith("the cache folder cannot be written")


def test_two_processes_keep_each_others_answers(tmp_path):
    one, other = (AnswerCache(tmp_path / "fastest.json") for _ in range(2))
    one.add({"a": "fused"})
    other.add({"b": "keras"})
    again = AnswerCache(tmp_path / "fastest.json")
    assert (again.get("a"), again.get("b")) == ("fused", "keras")


def test_memory_that_does_not_suffice_to_measure_leaves_the_usual_way(measured, small, tmp_path, monkeypatch):
    def fail(*args):
        raise MemoryError

    monkeypatch.setattr(timing, "time_norm", fail)
    found = choose(small, 4, adam(), "float32", AnswerCache(tmp_path / "fastest.json"))
    assert "usual ways for 3 more" in found.reason
    assert not [name for name in found.answers if name.startswith("norm")]


def test_an_emulated_precision_is_called_slow(small, tmp_path, monkeypatch):
    monkeypatch.setattr(processor, "flags", lambda: frozenset({"avx2"}))
    found = choose(small, 4, adam(), "bfloat16", AnswerCache(tmp_path / "fastest.json"))
    assert found.reason.startswith("bfloat16, as asked, although this processor must emulate it: slow")


def test_a_network_without_trainable_weights_has_no_optimizer_to_measure(measured, small, tmp_path):
    small.trainable = False
    found = choose(small, 4, adam(), "float32", AnswerCache(tmp_path / "fastest.json"))
    assert not [name for name in found.answers if name.startswith("adam")]
    accelerate.fused(adam(), found, small)


def test_a_cache_that_cannot_be_written_is_mentioned(measured, small, tmp_path):
    (tmp_path / "file").write_text("")
    found = choose(small, 4, adam(), "float32", AnswerCache(tmp_path / "file" / "fastest.json"))
    assert found.reason.endswith("not kept, because the cache folder cannot be written")
    assert found.answers


def test_after_the_time_is_over_the_rest_gets_the_usual_ways(measured, small, tmp_path, monkeypatch):
    monkeypatch.setattr(choice, "_SECONDS", 1e-9)
    found = choose(small, 4, adam(), "float32", AnswerCache(tmp_path / "fastest.json"))
    assert list(found.answers) == ["adam of 3x3x64x64"]  # the first question
    assert found.reason.endswith("usual ways for 9 more")
    with accelerate.accelerated(small, found):
        assert all(layer.ways is None for layer in small.layers if isinstance(layer, keras.layers.Conv2D))


def test_without_instructions_for_bfloat16_nothing_is_measured_for_it(small, tmp_path, monkeypatch):
    monkeypatch.setattr(processor, "flags", lambda: frozenset({"avx2", "fma"}))
    monkeypatch.setattr(choice, "_gain", None)  # it would raise
    found = choose(small, 4, adam(), "auto", AnswerCache(tmp_path / "fastest.json"))
    assert found.precision == "float32"
    assert found.reason.startswith("float32, because this processor has no instructions for bfloat16")


@pytest.mark.parametrize(
    ("gain", "reason"),
    [
        (1.1, "float32: bfloat16 gains too little (the heaviest convolutions are 1.1 times as fast)"),
        (1.9, "bfloat16: the heaviest convolutions are 1.9 times as fast as in float32"),
    ],
)
def test_bfloat16_is_chosen_if_it_gains_enough(small, tmp_path, monkeypatch, gain, reason):
    monkeypatch.setattr(processor, "flags", lambda: frozenset({"avx512_bf16"}))
    monkeypatch.setattr(choice, "_gain", lambda shapes, batch_size: gain)
    found = choose(small, 4, adam(), "auto", AnswerCache(tmp_path / "fastest.json"))
    assert found.precision == reason.partition(":")[0]
    assert found.reason.startswith(reason)


@pytest.mark.parametrize(
    ("gain", "text"),
    [
        (1.0, "1.0 times as fast"),
        (2.345, "2.3 times as fast"),
        (1 / 14.77, "15 times as slow"),
        (0.8, "1.2 times as slow"),
    ],
)
def test_speeds_are_said_without_reciprocals(gain, text):
    assert compare_speed(gain) == text


def test_what_was_asked_for_is_not_measured(small, tmp_path, monkeypatch):
    monkeypatch.setattr(choice, "_gain", None)
    assert choose(small, 4, adam(), "bfloat16", AnswerCache(tmp_path / "f")).reason.startswith(
        "bfloat16, as asked"
    )


def test_the_answers_are_used(small):
    first = next(layer for layer in small.layers if isinstance(layer, keras.layers.Conv2D))
    norms = [layer for layer in small.layers if isinstance(layer, keras.layers.BatchNormalization)]
    from residual.backend.tensorflow_cpu.convolution import shape_of

    shape = shape_of(first, tuple(first.input.shape[1:]))
    sizes = {norm.name: tuple(norm.input.shape[1:]) for norm in norms}
    left = sizes[norms[0].name]
    answers = {
        convolution_question(shape, 4, "float32"): "product library library",
        norm_question(left, 4, "float32"): "keras",
        choice.optimizer_question(adam(), small): "keras",
    }
    with accelerate.accelerated(small, Choice("float32", 4, answers)):
        assert first.ways == ("product", "library", "library")
        for norm in norms:
            assert (type(norm) is keras.layers.BatchNormalization) == (sizes[norm.name] == left)
    assert "ways" not in vars(first)
    optimizer = adam()
    assert type(accelerate.fused(optimizer, Choice("float32", 4, answers), small)) is keras.optimizers.Adam
    assert type(accelerate.fused(optimizer, Choice("float32", 4), small)) is not keras.optimizers.Adam


def test_the_fastest_way_must_gain_more_than_noise(monkeypatch):
    seconds = {"usual": 100e-6, "little": 98e-6, "much": 50e-6}
    now = [0.0]

    def run(name):
        return lambda: now.__setitem__(0, now[0] + seconds[name])

    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])
    assert timing.find_fastest({"usual": run("usual"), "little": run("little")}, "usual")[0] == "usual"
    assert timing.find_fastest({"much": run("much"), "usual": run("usual")}, "usual")[0] == "much"
