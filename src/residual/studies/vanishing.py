"""Vanishing gradients: do they vanish in plain networks, and do shortcuts keep them?"""

import contextlib
from typing import Any

from msgspec.structs import replace

from residual.models.spec import NetworkSpec
from residual.studies.context import Context
from residual.studies.probes import Probe, format_figure, probe_layers, take_batch
from residual.studies.sampling import choose_images, describe_images
from residual.studies.study import Findings, Study
from residual.studies.vanishing_report import Measured, report

_DEPTHS = (8, 20, 56, 110)
_STEPS = (0, 1, 2, 5, 10, 20, 40)
_BATCH, _SIDE = 64, 16
_RATES = {"norm": 0.05, "he": 0.005}
# Kind of network x how its convolutions are normalized and initialized.
KINDS = ("plain", "residual")
VARIANTS = {
    "norm": "batch norm, He's initial weights",
    "he": "no batch norm, He's initial weights",
    "glorot": "no batch norm, Glorot's initial weights",
}
_TRAINED = ("norm", "he")
# A training of so many steps costs as much as so many probes: compiling, steps, and the probes themselves.
_PROBES_OF_TRAINING = 6 + 0.45 * _STEPS[-1] + len(_STEPS)


def run(context: Context) -> Findings:
    """Probe new networks of all depths, and two pairs of twins while they are trained."""
    images: dict[str, Any] = {}

    def load():
        if not images:
            count = round(1.3 * _STEPS[-1] * _BATCH)
            images["data"] = choose_images(context.data, count, min(_SIDE, *context.data.size))
        return images["data"]

    described = context.remember("images", lambda: describe_images(load()))
    fresh = _probe_new_networks(context, load)
    depths = sorted({depth for _, _, depth, _ in fresh})
    trained_depth = context.remember("trained-depth", lambda: _choose_depth(context, depths))
    trained = _probe_trainings(context, load, trained_depth)
    return report(Measured(fresh, trained, trained_depth, described, _RATES))


def make_spec(kind: str, variant: str, depth: int) -> NetworkSpec:
    """The network of a kind and variant; without batch norms its convolutions have biases.

    Args:
        kind: one of `KINDS`.
        variant: a key of `VARIANTS`.
        depth: layers.
    """
    from residual.models.zoo import find_spec

    spec = find_spec(f"cifar-resnet{depth}" + ("-plain" if kind == "plain" else ""))
    if variant == "norm":
        return spec
    return replace(spec, bias="all", initializer="glorot_uniform" if variant == "glorot" else "he_normal")


def _build(kind: str, variant: str, depth: int, data):
    from residual.studies.trial import plan_build, remove_norms

    return plan_build(make_spec(kind, variant, depth), data, None if variant == "norm" else remove_norms)


def _probe_new_networks(context: Context, load) -> dict[tuple[str, str, int, int], Probe]:
    """The gradients of networks with new weights: (kind, variant, depth, seed) -> probe, as far as the time allows.

    The deepest network of the first seed may take 45% of the time; other seeds follow while 55% is not used up.
    """
    found = {}
    for number, seed in enumerate(context.seeds):
        for depth in _DEPTHS:
            keys = [f"new-{kind}-{variant}-{depth}-seed-{seed}" for kind in KINDS for variant in VARIANTS]
            if not all(map(context.has, keys)) and not _fits(context, number, seed, depth):
                break
            for kind in KINDS:
                for variant in VARIANTS:
                    name = f"new-{kind}-{variant}-{depth}-seed-{seed}"
                    piece = context.remember(
                        name, lambda key=(kind, variant, depth, seed): _probe_new(*key, load), _describe_new
                    )
                    found[kind, variant, depth, seed] = Probe(tuple(piece["norms"]))
    return found


def _fits(context: Context, number: int, seed: int, depth: int) -> bool:
    place = _DEPTHS.index(depth)
    if number == 0 and place < 2:
        return True
    share = 0.45 if number == 0 else 0.55
    if number:
        before = f"new-residual-norm-{depth}-seed-{context.seeds[number - 1]}"
        if not context.has(before):
            return False
        expected = len(KINDS) * len(VARIANTS) * context.count_seconds(before)
    else:
        shallower = _DEPTHS[place - 1]
        names = (f"new-{kind}-{variant}-{shallower}-seed-{seed}" for kind in KINDS for variant in VARIANTS)
        expected = sum(map(context.count_seconds, names)) * depth / shallower
    return context.elapsed + expected <= share * context.asked.seconds


def _probe_new(kind: str, variant: str, depth: int, seed: int, load) -> dict[str, Any]:
    import time

    from residual import backend

    data = load()
    backend.set_seeds(seed)
    model = _build(kind, variant, depth, data)()
    model.compile(loss="categorical_crossentropy")
    x, y = take_batch(data, _BATCH)
    started = time.perf_counter()
    probe = probe_layers(model, x, y)
    return {"norms": list(probe.norms), "probe_seconds": time.perf_counter() - started}


def _describe_new(piece: dict[str, Any]) -> str:
    probe = Probe(tuple(piece["norms"]))
    return f"gradient of early layers {format_figure(probe.early)}, of late ones {format_figure(probe.late)}"


def _choose_depth(context: Context, depths: list[int]) -> int:
    """The deepest networks whose trainings fit in the time that is left, for two seeds if there are two."""
    seeds = min(2, len(context.seeds))
    for depth in reversed(depths):
        name = f"new-residual-norm-{depth}-seed-{context.seeds[0]}"
        seconds = context.remember(name, dict)["probe_seconds"]
        if seconds * _PROBES_OF_TRAINING * len(KINDS) * len(_TRAINED) * seeds <= context.remaining:
            return depth
    return depths[0]


def _probe_trainings(context: Context, load, depth: int) -> dict[tuple[str, str, int], dict[int, Probe]]:
    """The gradients of twins while they are trained: (kind, variant, seed) -> step -> probe."""
    found: dict[tuple[str, str, int], dict[int, Probe]] = {}
    trials: dict[str, Any] = {}
    with contextlib.ExitStack() as stack:
        for number, seed in enumerate(context.seeds):
            names = {
                (kind, variant): f"trained-{kind}-{variant}-{depth}-seed-{seed}"
                for kind in KINDS
                for variant in _TRAINED
            }
            if number and not all(map(context.has, names.values())):
                before = (
                    name.replace(f"seed-{seed}", f"seed-{context.seeds[number - 1]}")
                    for name in names.values()
                )
                if 0.8 * sum(map(context.count_seconds, before)) > context.remaining:
                    context.announce("plan", f"no time is left to train with seed {seed}")
                    break
            for (kind, variant), name in names.items():
                piece = context.remember(
                    name,
                    lambda key=(kind, variant), seed=seed: _probe_training(
                        key, seed, depth, load, trials, stack
                    ),
                    _describe_training,
                )
                found[kind, variant, seed] = {int(step): Probe(tuple(norms)) for step, norms in piece.items()}
    return found


def _probe_training(
    key: tuple[str, str], seed: int, depth: int, load, trials: dict, stack
) -> dict[str, list[float]]:
    from dataclasses import replace as replace_fields

    import numpy as np

    from residual.studies.trial import Trial, watch_steps
    from residual.training.recipe import Recipe
    from residual.training.schedules import Constant

    kind, variant = key
    data = load()
    name = f"{kind}-{variant}"
    if name not in trials:
        steps = min(_STEPS[-1], len(data.train) // _BATCH)
        recipe = Recipe(
            name="study",
            about="twins whose gradients are measured",
            model="cifar-resnet20",
            epochs=1,
            batch_size=min(_BATCH, len(data.train)),
            optimizer="sgd",
            schedule=Constant(_RATES[variant]),
        )
        few = replace_fields(data, train=data.train.take(np.arange(max(1, steps) * recipe.batch_size)))
        trials[name] = stack.enter_context(Trial(_build(kind, variant, depth, data), few, recipe))
    trial, probes = trials[name], {}
    x, y = take_batch(data, _BATCH)

    def probe(step: int) -> None:
        if step in _STEPS:
            probes[str(step)] = list(probe_layers(trial.model, x, y).norms)

    trial.train(seed, [watch_steps(probe)], validate=False)
    return probes


def _describe_training(piece: dict[str, list[float]]) -> str:
    last = max(piece, key=int)
    return f"gradient of early layers after {last} steps {format_figure(Probe(tuple(piece[last])).early)}"


VANISHING = Study("vanishing", "Do gradients vanish in deep plain networks, and do shortcuts keep them?", run)
