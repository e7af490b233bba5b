"""The fastest way to train a network on this machine, measured in seconds and remembered.

A question is one layer shape of the network, or its optimizer. The answer names the fastest of the ways to do it. One
of them is always Keras's or TensorFlow's own. `FASTER` lists what is asked. Answers are kept in the user's cache
folder (`answer_cache`), and in the record of the run, so that a resumed run computes as it began.
"""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import prod

import keras

from residual.backend import is_out_of_memory, on_tensorflow_cpu, precision, processor
from residual.backend.answer_cache import AnswerCache

PRECISIONS = precision.PRECISIONS
_SECONDS = 8.0  # all questions together; those left over get the usual ways
_HEAVIEST = 3  # convolutions that decide between the precisions
_WAYS = re.compile(r"(library|product) (library|product) (library|product|swapped)")
_GAIN = re.compile(r"\d+\.\d+")


@dataclass(frozen=True)
class Choice:
    """How a network is trained here.

    Attributes:
        precision: "float32" or "bfloat16".
        batch_size: images of a step, which the answers hold for.
        answers: question -> way; a question without an answer gets the usual way.
        reason: for the user: a phrase that says why.
    """

    precision: str = "float32"
    batch_size: int = 0
    answers: dict[str, str] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True)
class Question:
    """One thing that can be done in several ways.

    Attributes:
        name: what the answer depends on: shape, batch and precision.
        work: an estimate, to ask what matters most first.
        ask: measures and returns the answer.
    """

    name: str
    work: float
    ask: Callable[[], str]


def choose(
    model: keras.Model,
    batch_size: int,
    optimizer: keras.optimizers.Optimizer,
    asked: str = "auto",
    cache: AnswerCache | None = None,
    announce: Callable[[str], None] = lambda text: None,
) -> Choice:
    """Measure what was not measured before: a few seconds.

    Args:
        model: the network; it is not changed.
        batch_size: images of a step.
        optimizer: the one that will train it; it is not changed.
        asked: "float32", "bfloat16", or "auto" for the faster of them.
        cache: where answers are kept; None takes the user's.
        announce: gets a sentence before the first measurement, if there is any.

    Raises:
        RecipeError: if `asked` is another word.
    """
    precision.check_precision(asked)
    if not on_tensorflow_cpu():
        chosen, why = precision.choose(asked)
        return Choice(chosen, batch_size, reason=why)
    session = _Session(cache or AnswerCache(), announce)
    chosen, why = _choose_precision(model, batch_size, asked, session)
    questions = [q for kind in FASTER for q in kind(model, batch_size, optimizer, chosen)]
    for question in sorted(questions, key=lambda question: -question.work):
        session.answer(question)
    return Choice(chosen, batch_size, session.answers, f"{chosen}{why}{session.summary()}")


def is_valid(question: str, answer: object) -> bool:
    """Whether an answer that was read from a file is one to this question."""
    if not isinstance(answer, str):
        return False
    if question.startswith("convolution "):
        return bool(_WAYS.fullmatch(answer))
    if question.startswith("bfloat16 "):
        return bool(_GAIN.fullmatch(answer)) and float(answer) > 0
    return answer in ("keras", "fused")


class _Session:
    """Asks within a time, looks up what is known, and keeps what is new."""

    def __init__(self, cache: AnswerCache, announce: Callable[[str], None]):
        self.cache, self.announce, self.answers, self.new = cache, announce, {}, {}
        self.seconds, self.left_out = 0.0, 0

    def answer(self, question: Question) -> str | None:
        """The answer to a question, or None if the time is over or the memory does not suffice to measure it."""
        known = self.cache.get(question.name)
        if not is_valid(question.name, known):
            known = self._measure(question) if self.seconds < _SECONDS else None
        if known is None:
            self.left_out += 1
        else:
            self.answers[question.name] = known
        return known

    def _measure(self, question: Question) -> str | None:
        if not self.seconds:
            self.announce(
                "measuring the fastest ways for this network on this processor: a few seconds, once"
            )
        started = time.perf_counter()
        try:
            self.new[question.name] = question.ask()
        except Exception as error:
            if not is_out_of_memory(error):
                raise
        self.seconds += time.perf_counter() - started
        return self.new.get(question.name)

    def summary(self) -> str:
        """What was measured, as the end of a sentence; what is new is written to the cache."""
        left = f"; usual ways for {self.left_out} more" if self.left_out else ""
        if not self.new:
            return f"; fastest ways as measured before{left}" if self.answers else left
        place = "" if self.cache.add(self.new) else "; not kept, because the cache folder cannot be written"
        timings = "1 timing" if len(self.new) == 1 else f"{len(self.new)} timings"
        return f"; fastest ways by {timings} in {self.seconds:.1f} s{left}{place}"


def _choose_precision(model, batch_size: int, asked: str, session: _Session) -> tuple[str, str]:
    """The precision, and why."""
    lacks_bfloat16 = processor.multiplies_bfloat16() is False
    if asked != "auto":
        emulated = asked == "bfloat16" and lacks_bfloat16
        return asked, ", as asked" + (", although this processor must emulate it: slow" if emulated else "")
    if lacks_bfloat16:
        return "float32", ", because this processor has no instructions for bfloat16"
    shapes = _convolutions(model)
    heaviest = sorted(shapes, key=lambda shape: -shape.operations * shapes[shape])[:_HEAVIEST]
    if not heaviest:
        return "float32", ", because the network has no convolution to gain from bfloat16"
    name = f"bfloat16 for {batch_size} images of {'; '.join(map(str, heaviest))}"
    weights = {shape: shapes[shape] for shape in heaviest}
    gain = float(session.answer(Question(name, 0.0, lambda: f"{_gain(weights, batch_size):.2f}")) or 1)
    if gain >= precision.WORTH:
        return "bfloat16", f": the heaviest convolutions are {precision.compare_speed(gain)} as in float32"
    return (
        "float32",
        f": bfloat16 gains too little (the heaviest convolutions are {precision.compare_speed(gain)})",
    )


def _gain(shapes: dict, batch_size: int) -> float:
    """How many times as fast these convolutions are in bfloat16, as often as the network has them."""
    from residual.backend.tensorflow_cpu.timing import time_convolution

    seconds = {
        kind: sum(
            count * time_convolution(shape, batch_size, kind, only_library=True)[1]
            for shape, count in shapes.items()
        )
        for kind in PRECISIONS
    }
    return seconds["float32"] / seconds["bfloat16"]


def _convolutions(model) -> Counter:
    """The shapes of a model's convolutions that are ours to do, with their counts."""
    from residual.backend.tensorflow_cpu.convolution import shape_of

    shapes = (
        shape_of(layer, input_size(layer)) for layer in model.layers if type(layer) is keras.layers.Conv2D
    )
    return Counter(shape for shape in shapes if shape is not None)


def input_size(layer) -> tuple[int | None, ...]:
    """The shape of a layer's input without the batch."""
    return tuple(layer.input.shape[1:])


def convolution_question(shape, batch_size: int, precision: str) -> str:
    """The name of the question how to do a convolution."""
    return f"convolution of {batch_size} images, {shape}, {precision}"


def norm_question(size: tuple[int, ...], batch_size: int, precision: str) -> str:
    """The name of the question how to do a batch norm of images (height, width, channels)."""
    return f"norm of {batch_size} images, {'x'.join(map(str, size))}, {precision}"


def optimizer_question(optimizer: keras.optimizers.Optimizer, model: keras.Model) -> str:
    """The name of the question how to update the weights of a model: its largest one decides."""
    return f"{type(optimizer).__name__.lower()} of {'x'.join(map(str, _largest_weight(model)))}"


def _largest_weight(model: keras.Model) -> tuple[int, ...]:
    """The shape of the trainable weight with the most numbers."""
    return max((tuple(variable.shape) for variable in model.trainable_variables), key=prod, default=())


def _ask_convolutions(model, batch_size: int, optimizer, precision: str) -> Iterator[Question]:
    from residual.backend.tensorflow_cpu.operations import DIRECTIONS
    from residual.backend.tensorflow_cpu.timing import time_convolution

    for shape, count in _convolutions(model).items():
        if any(len(shape.ways(direction)) > 1 for direction in DIRECTIONS):
            yield Question(
                convolution_question(shape, batch_size, precision),
                3 * batch_size * shape.operations * count,
                lambda shape=shape: " ".join(time_convolution(shape, batch_size, precision)[0]),
            )


def _ask_norms(model, batch_size: int, optimizer, precision: str) -> Iterator[Question]:
    from residual.backend.tensorflow_cpu.timing import time_norm

    norms = (layer for layer in model.layers if type(layer) is keras.layers.BatchNormalization)
    sizes = Counter(input_size(norm) for norm in norms)
    for size, count in sizes.items():
        if len(size) != 3 or None in size:
            continue
        pixels = size[0] * size[1] * size[2]
        yield Question(
            norm_question(size, batch_size, precision),
            100
            * batch_size
            * pixels
            * count,  # a pass over memory costs as much as some hundred multiplications
            lambda size=size: time_norm(size, batch_size, precision),
        )


def _ask_optimizer(model, batch_size: int, optimizer, precision: str) -> Iterator[Question]:
    from residual.backend.tensorflow_cpu.optimizers import has_fused
    from residual.backend.tensorflow_cpu.timing import time_optimizer

    if has_fused(optimizer) and model.trainable_variables:
        yield Question(
            optimizer_question(optimizer, model),
            float("inf"),
            lambda: time_optimizer(optimizer, _largest_weight(model)),
        )


FASTER = (_ask_convolutions, _ask_norms, _ask_optimizer)
