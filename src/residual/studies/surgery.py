"""Surgery: what happens if blocks of a trained network are deleted, scaled or swapped?"""

import contextlib
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from residual.studies.comparison import choose_sizes, make_recipe
from residual.studies.context import Context
from residual.studies.sampling import choose_images, describe_images
from residual.studies.study import Findings, Study
from residual.studies.surgery_report import Operated, report

FACTORS = (0.0, 0.5, 1.5, 2.0)
PRUNABLE = 0.01  # rise of the validation error up to which a block could be pruned
_KINDS = ("residual", "plain")
_DEPTH, _SIDE, _BATCH, _RATE = 20, 16, 64, 0.05
_TRAINING_SHARE = 0.6  # of the time; the rest is for the operations
_MOST_VALIDATION = 1_000


def run(context: Context) -> Findings:
    """Operate on the user's network, or train plain and residual twins and operate on both."""
    if context.network is not None:
        piece = context.remember("given", lambda: _operate_on_given(context), _describe_piece)
        return report(Operated({"given": (piece,)}, context.asked.network, None))
    plan = context.remember("plan", lambda: _choose_plan(context))
    context.announce(
        "plan", f"{plan['images']:,} images, {plan['epochs']} epochs, seeds {_join(plan['seeds'])}"
    )
    pieces: dict[str, list[dict[str, Any]]] = {kind: [] for kind in _KINDS}
    images: list[Any] = []

    def load() -> Any:
        if not images:
            images.append(choose_images(context.data, plan["images"], plan["side"]))
        return images[0]

    trials: dict[str, Any] = {}
    with contextlib.ExitStack() as stack:
        for number, seed in enumerate(plan["seeds"]):
            names = {kind: f"{kind}-{_DEPTH}-seed-{seed}" for kind in _KINDS}
            if number and not all(map(context.has, names.values())):
                before = plan["seeds"][number - 1]
                needed = sum(context.count_seconds(f"{kind}-{_DEPTH}-seed-{before}") for kind in _KINDS)
                if 0.85 * needed > context.remaining:
                    context.announce("plan", f"no time is left for seed {seed}")
                    break
            for kind, name in names.items():
                piece = context.remember(
                    name,
                    lambda kind=kind, seed=seed: _train(kind, seed, plan, load, trials, stack),
                    _describe_piece,
                )
                pieces[kind].append(piece)
    return report(Operated({kind: tuple(found) for kind, found in pieces.items()}, None, plan))


def _join(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def _find_spec(kind: str):
    from residual.models.zoo import find_spec

    return find_spec(f"cifar-resnet{_DEPTH}" + ("-plain" if kind == "plain" else ""))


def _choose_plan(context: Context) -> dict[str, Any]:
    """Images, epochs and seeds by the measured time of a step."""
    import time

    from residual.studies.trial import Trial, plan_build

    started = time.perf_counter()
    available = context.data
    side = min(_SIDE, *available.size)
    batch = min(_BATCH, max(8, len(available.train) // 16))
    data = choose_images(available, 4 * batch, side)
    read = time.perf_counter()
    with Trial(plan_build(_find_spec("residual"), data), data, make_recipe(1, _RATE, batch)) as trial:
        step = trial.measure_step()
    compiling = time.perf_counter() - read
    left = _TRAINING_SHARE * (context.remaining - (time.perf_counter() - started)) - 2 * compiling
    seeds = list(context.seeds)
    passes = max(0.0, left) * batch / (2 * step)
    while len(seeds) > 2 and passes / len(seeds) < 12_000:
        seeds.pop()
    sizes = choose_sizes(passes / len(seeds), len(available.train))
    return {
        "step": step,
        "side": side,
        "batch": batch,
        "rate": _RATE,
        "seeds": seeds,
        "depth": _DEPTH,
        **sizes,
    }


def _train(kind: str, seed: int, plan: dict, load: Callable[[], Any], trials: dict, stack) -> dict[str, Any]:
    """Train a network from one seed and operate on it."""
    from residual.studies.trial import Trial, plan_build

    data = load()
    if kind not in trials:
        recipe = make_recipe(plan["epochs"], plan["rate"], plan["batch"])
        trials[kind] = stack.enter_context(Trial(plan_build(_find_spec(kind), data), data, recipe))
    trial = trials[kind]
    trial.train(seed, validate=False)
    validation = data.validation.take(range(min(_MOST_VALIDATION, len(data.validation))))
    return {
        **operate(
            trial.model, lambda: trial.measure_error(validation), lambda: trial.measure_error(data.test), seed
        ),
        "images": describe_images(data),
        "validation_images": len(validation),
        "test_images": len(data.test),
    }


def _operate_on_given(context: Context) -> dict[str, Any]:
    """Operate on the user's network: it is changed in memory alone."""
    from residual.errors import DataError
    from residual.studies.sampling import MOST_TEST
    from residual.training.batches import in_order

    data, model = context.data, context.network
    if data.validation is None or not len(data.validation):
        raise DataError(f"{data.name} has no validation images to operate by.")
    model.compile(loss="categorical_crossentropy", metrics=["accuracy"])
    validation = data.validation.take(range(min(_MOST_VALIDATION, len(data.validation))))
    test = data.test.take(range(min(MOST_TEST, len(data.test))))

    def measure(images: Any) -> float:
        scores = model.evaluate(in_order(images, len(data.classes), 64), verbose=0, return_dict=True)
        return 1 - float(scores["accuracy"])

    return {
        **operate(model, lambda: measure(validation), lambda: measure(test), 0),
        "images": f"{len(validation):,} validation and {len(test):,} test images. Source: {data.source}",
        "validation_images": len(validation),
        "test_images": len(test),
    }


def operate(model: Any, measure: Callable[[], float], test: Callable[[], float], seed: int) -> dict[str, Any]:
    """Delete, scale and swap blocks one after another, and measure the error each time.

    Args:
        model: a trained network; it has its own weights again at the end.
        measure: its error on validation images.
        test: its error on test images; called twice at the end.
        seed: of the order in which blocks are deleted together.

    Returns:
        intact: the error; deleted, swapped: errors by block or pair; scaled: errors by factor and block; together:
        errors with 0, 1, 2, ... blocks deleted; prunable: blocks whose deletion costs at most `PRUNABLE`; test and
        pruned_test: test errors of the whole network and of the one without all of these.
    """
    import numpy as np

    from residual.studies.blocks import Weights, can_swap, find_blocks, swap

    blocks = find_blocks(model)
    free = [block for block in blocks if block.can_be_deleted]
    whole = Weights([layer for block in blocks for layer in block.layers])

    def measure_with(change: Callable[[], None], judge: Callable[[], float] = measure) -> float:
        try:
            change()
            return judge()
        finally:
            whole.restore()

    intact = measure()
    deleted = {block.name: measure_with(block.delete) for block in free}
    scaled = {
        str(factor): {block.name: measure_with(lambda b=block, f=factor: b.scale(f)) for block in free}
        for factor in FACTORS
    }
    swapped = {
        f"{one.name} and {other.name}": measure_with(lambda a=one, b=other: swap(a, b))
        for one, other in pairwise(blocks)
        if can_swap(one, other)
    }
    keeping = [block for block in free if block.keeps_shape]
    order = [keeping[i] for i in np.random.default_rng(seed).permutation(len(keeping))]
    together = [intact, *(measure_with(lambda n=n: _delete(order[:n])) for n in range(1, len(order) + 1))]
    prunable = [block for block in free if deleted[block.name] - intact <= PRUNABLE]
    return {
        "intact": intact,
        "deleted": deleted,
        "scaled": scaled,
        "swapped": swapped,
        "together": together,
        "prunable": [block.name for block in prunable],
        "test": test(),
        "pruned_test": measure_with(lambda: _delete(prunable), test) if prunable else None,
        "blocks": [block.name for block in blocks],
    }


def _delete(blocks: Sequence[Any]) -> None:
    for block in blocks:
        block.delete()


def _describe_piece(piece: dict[str, Any]) -> str:
    return (
        f"error {piece['intact']:.1%}; blocks that could be pruned: {', '.join(piece['prunable']) or 'none'}"
    )


SURGERY = Study(
    "surgery", "What do the blocks of a trained network do, and which could be pruned?", run, "may"
)
