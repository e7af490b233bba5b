"""Several networks trained alike on the same images, each from several seeds, as far as the time allows."""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

from residual._text import format_duration
from residual.models.spec import NetworkSpec
from residual.studies.context import Context
from residual.studies.sampling import choose_images, describe_images
from residual.studies.spread import Spread
from residual.training.recipe import Recipe
from residual.training.schedules import OneCycle

if TYPE_CHECKING:
    from residual.data.images import Dataset
    from residual.studies.trial import Trial

BATCH = 64
_SMALL_SIDE, _LARGE_SIDE = 16, 32
_LONG = 45 * 60  # seconds of a budget from which images keep 32 pixels
_FEW_PASSES = 12_000  # images that a network should see in training; fewer seeds are trained to reach it
_FEWEST_PASSES = 4_000  # below it a training shows nothing
_MOST_EPOCHS = 40
_FEWEST_IMAGES = 1_000
_RESERVE = 0.8  # share of the time that trainings may be planned to take


@dataclass(frozen=True)
class Candidate:
    """A network that is compared.

    Attributes:
        name: of its pieces: letters, digits and dashes.
        spec: what is built.
        change: a function of `studies.trial` that changes the network after it is built; None leaves it.
    """

    name: str
    spec: NetworkSpec
    change: Callable[[Any], Any] | None = None


@dataclass(frozen=True)
class Outcome:
    """What the trainings of one candidate gave, seed by seed.

    Attributes:
        name: of the candidate.
        parameters: of the network.
        pieces: a dict for each seed: train and validation error after each epoch, test error at the end, finite.
    """

    name: str
    parameters: int
    pieces: tuple[dict[str, Any], ...]

    def spread(self, key: str) -> Spread:
        """The errors at the end: "train" or "validation", the mean of the last two epochs, or "test"."""
        if key == "test":
            return Spread.of([piece["test"] for piece in self.pieces if piece["test"] is not None])
        return Spread.of([_mean(piece[key][-2:]) for piece in self.pieces if piece["finite"] and piece[key]])

    def curve(self, key: str) -> list[Spread]:
        """The spread of the errors after each epoch, while all seeds are finite."""
        rows = [piece[key] for piece in self.pieces]
        return [Spread.of(values) for values in zip(*rows, strict=False)]

    @property
    def diverged(self) -> int:
        """Seeds whose loss became infinite or nan."""
        return sum(not piece["finite"] for piece in self.pieces)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else float("nan")


@dataclass(frozen=True)
class Comparison:
    """Candidates and what came out.

    Attributes:
        outcomes: by the candidates' names.
        plan: side, images, epochs, seeds and the seconds of a step that they were chosen by.
        images: a sentence about the images.
        test_images: how many test images there are.
    """

    outcomes: dict[str, Outcome]
    plan: dict[str, Any]
    images: str
    test_images: int

    def describe_training(self) -> str:
        """A sentence: how the networks were trained."""
        plan = self.plan
        return (
            f"{plan['epochs']} epochs in steps of {plan['batch']} images, SGD with momentum 0.9, one cycle up to "
            f"{plan['rate']:g}, decoupled weight decay 0.005, shifts and mirror images; float32"
        )

    def describe_plan(self) -> str:
        """A sentence: what was measured first, and what was chosen by it."""
        plan = self.plan
        return (
            f"A step of {plan['measured']} took {1000 * plan['step']:.0f} ms when it was measured, so "
            f"{plan['images']:,} images of {plan['side']} pixels, {plan['epochs']} epochs and {len(plan['seeds'])} "
            f"{'seed' if len(plan['seeds']) == 1 else 'seeds'} were chosen to fit."
        )

    @property
    def seeds(self) -> tuple[int, ...]:
        """Those that every candidate was trained with."""
        count = min(len(outcome.pieces) for outcome in self.outcomes.values())
        return tuple(self.plan["seeds"][:count])


def make_recipe(epochs: int, rate: float, batch: int = BATCH) -> Recipe:
    """How every network of a comparison is trained.

    Args:
        epochs: passes over the images.
        rate: the highest learning rate.
        batch: images of a step.
    """
    from residual.augment import Flip, Shift

    return Recipe(
        name="study",
        about="networks that are compared",
        model="cifar-resnet20",
        epochs=epochs,
        batch_size=batch,
        optimizer="sgd",
        schedule=OneCycle(peak=rate),
        weight_decay=5e-3,
        augment=(Shift(2), Flip()),
    )


def compare(
    context: Context,
    candidates: Sequence[Candidate],
    *,
    name: str = "",
    rate: float = 0.05,
    share: float = 1.0,
) -> Comparison:
    """Train every candidate from every seed on the same images, and test each once.

    Images, epochs and seeds are chosen by the measured speed of the first candidate, so that the time suffices; a
    candidate of another depth is taken to cost in proportion to its depth. All candidates are trained with one seed
    before the next seed begins, and a seed that no longer fits is left out for all.

    Args:
        context: of the study.
        candidates: the networks.
        name: begins the names of the pieces, if a study compares more than once.
        rate: the highest learning rate.
        share: of the time that is left.
    """
    prefix = f"{name}-" if name else ""
    allowed = context.elapsed + share * context.remaining
    plan = context.remember(f"{prefix}plan", lambda: _choose_plan(context, candidates, rate, share))
    context.announce("plan", _describe_choice(plan))
    data: list[Dataset] = []

    def load() -> "Dataset":
        if not data:
            data.append(choose_images(context.data, plan["images"], plan["side"]))
        return data[0]

    pieces: dict[str, list[dict[str, Any]]] = {one.name: [] for one in candidates}
    with contextlib.ExitStack() as stack:
        trials: dict[str, Trial] = {}
        for number, seed in enumerate(plan["seeds"]):
            keys = [f"{prefix}{one.name}-seed-{seed}" for one in candidates]
            if number and not _fits(context, keys, pieces, prefix, plan["seeds"], allowed):
                context.announce("plan", f"no time is left for seed {seed}")
                break
            for one, key in zip(candidates, keys, strict=True):
                piece = context.remember(
                    key,
                    lambda one=one, seed=seed: _train(one, seed, plan, load, trials, stack, rate),
                    _describe_piece,
                )
                pieces[one.name].append(piece)
    outcomes = {key: Outcome(key, found[0]["parameters"], tuple(found)) for key, found in pieces.items()}
    sizes = next(iter(outcomes.values())).pieces[0]
    return Comparison(outcomes, plan, sizes["images"], sizes["test_images"])


def _choose_plan(
    context: Context, candidates: Sequence[Candidate], rate: float, share: float
) -> dict[str, Any]:
    """Measure a step of the first candidate, and choose side, images, epochs and seeds."""
    from residual.studies.trial import Trial, plan_build

    started = time.perf_counter()
    available = context.data
    side = min(_LARGE_SIDE if context.asked.seconds >= _LONG else _SMALL_SIDE, *available.size)
    data = choose_images(available, 4 * BATCH, side)
    read = time.perf_counter()
    first = candidates[0]
    batch = min(BATCH, max(8, len(available.train) // 16))
    with Trial(plan_build(first.spec, data, first.change), data, make_recipe(1, rate, batch)) as trial:
        step = trial.measure_step()
    compiling = time.perf_counter() - read
    depths = sum(one.spec.depth for one in candidates) / first.spec.depth
    left = share * (context.remaining - (time.perf_counter() - started)) * _RESERVE - compiling * depths
    passes = left * batch / (step * depths)  # images that each network may see, over all seeds
    if passes < len(context.seeds[:2]) * _FEWEST_PASSES:
        context.announce(
            "plan", "the budget is too small for this machine; the smallest trainings take longer"
        )
    seeds = list(context.seeds)
    while len(seeds) > 2 and passes / len(seeds) < _FEW_PASSES:
        seeds.pop()
    return {
        "measured": first.name,
        "step": step,
        "side": side,
        "batch": batch,
        "rate": rate,
        "seeds": seeds,
        **choose_sizes(max(0.0, passes) / len(seeds), len(available.train)),
    }


def choose_sizes(passes: float, available: int) -> dict[str, int]:
    """Images and epochs for so many images seen in training.

    Args:
        passes: images that a network may see, each pass counted.
        available: training images that there are.
    """
    images = int(min(available, max(_FEWEST_IMAGES, passes / 8)))
    return {"images": images, "epochs": int(min(_MOST_EPOCHS, max(4, passes / images)))}


def _fits(
    context: Context,
    keys: Sequence[str],
    pieces: dict[str, list],
    prefix: str,
    seeds: Sequence[int],
    allowed: float,
) -> bool:
    """Whether the trainings of one more seed, of which those of the seed before are the measure, end in time."""
    if all(context.has(key) for key in keys):
        return True
    before = seeds[len(next(iter(pieces.values()))) - 1]
    expected = sum(context.count_seconds(f"{prefix}{name}-seed-{before}") for name in pieces)
    return context.elapsed + 0.85 * expected <= allowed


def _train(
    one: Candidate,
    seed: int,
    plan: dict[str, Any],
    load: "Callable[[], Dataset]",
    trials: "dict[str, Trial]",
    stack: contextlib.ExitStack,
    rate: float,
) -> dict[str, Any]:
    """Train a candidate from one seed and test it."""
    from residual.studies.trial import Trial, plan_build

    data = load()
    if one.name not in trials:
        recipe = make_recipe(plan["epochs"], rate, plan["batch"])
        trials[one.name] = stack.enter_context(Trial(plan_build(one.spec, data, one.change), data, recipe))
    trial = trials[one.name]
    curve = trial.train(seed)
    return {
        "train": curve.train,
        "validation": curve.validation,
        "finite": curve.finite,
        "test": trial.measure_error(data.test) if curve.finite else None,
        "parameters": int(trial.model.count_params()),
        "images": describe_images(data),
        "test_images": len(data.test),
    }


def _describe_choice(plan: dict[str, Any]) -> str:
    return (
        f"{plan['images']:,} images of {plan['side']} pixels, {plan['epochs']} epochs, seeds "
        f"{', '.join(map(str, plan['seeds']))}; a step of {plan['measured']} takes {1000 * plan['step']:.0f} ms"
    )


def _describe_piece(piece: dict[str, Any]) -> str:
    if piece["test"] is None or not isfinite(piece["test"]):
        return "the loss is not finite any more"
    return f"training error {piece['train'][-1]:.1%}, test error {piece['test']:.1%}"


def describe_time(context: Context) -> str:
    """ "4 min 10 s of 5 min 0 s"."""
    return f"{format_duration(context.elapsed)} of {format_duration(context.asked.seconds)}"
