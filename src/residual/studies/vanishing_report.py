"""What the study of vanishing gradients found, in words and charts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite

from residual.studies.drawing import Drawing, Frames, Table
from residual.studies.plots import Axis, Series, draw_lines
from residual.studies.probes import Probe, average, format_figure, name_trend
from residual.studies.spread import Spread
from residual.studies.study import Findings

_NAMES = {"norm": "", "he": ", no norm", "glorot": ", Glorot"}
_COLOURS = {"norm": "blue", "he": "green", "glorot": "purple"}
_CLAIM = (
    "In very deep plain networks the gradient of the early layers goes to zero quickly, so they hardly learn; "
    "shortcuts prevent it.",
    "what notebooks A to E say; He et al. 2015 (arXiv:1512.03385, section 4.1) doubt it for networks with batch norm",
)
_EARLY = "gradient norm of early layers"


@dataclass(frozen=True)
class Measured:
    """The gradients.

    Attributes:
        fresh: (kind, variant, depth, seed) -> probe of a new network.
        trained: (kind, variant, seed) -> step -> probe.
        trained_depth: layers of the networks that were trained.
        images: a sentence about the images.
        rates: learning rate of each variant that was trained.
    """

    fresh: dict[tuple[str, str, int, int], Probe]
    trained: dict[tuple[str, str, int], dict[int, Probe]]
    trained_depth: int
    images: str
    rates: dict[str, float]

    @property
    def depths(self) -> list[int]:
        """Of the new networks."""
        return sorted({depth for _, _, depth, _ in self.fresh})

    @property
    def deepest(self) -> int:
        return self.depths[-1]

    @property
    def keys(self) -> list[tuple[str, str]]:
        """(kind, variant) of all new networks."""
        return list(dict.fromkeys((kind, variant) for kind, variant, _, _ in self.fresh))

    def find_fresh(self, kind: str, variant: str, depth: int) -> list[Probe]:
        """The probes of new networks, over the seeds."""
        return [probe for (k, v, d, _), probe in self.fresh.items() if (k, v, d) == (kind, variant, depth)]

    def find_early(self, kind: str, variant: str, depth: int) -> Spread:
        """The early gradient of new networks, over the seeds."""
        return Spread.of([probe.early for probe in self.find_fresh(kind, variant, depth)])

    def find_factor(self, kind: str, variant: str) -> float:
        """By how much the early gradient of new networks grows from the shallowest to the deepest."""
        ends = [
            average(self.find_early(kind, variant, depth).values) for depth in (self.depths[0], self.deepest)
        ]
        return ends[1] / ends[0]

    def find_trained(self, kind: str, variant: str, step: int) -> list[Probe]:
        """The probes of a step, over the seeds; [] if no training came so far."""
        return [
            steps[step]
            for (k, v, _), steps in self.trained.items()
            if (k, v) == (kind, variant) and step in steps
        ]

    @property
    def steps(self) -> list[int]:
        """At which a training was probed."""
        return sorted({step for steps in self.trained.values() for step in steps})

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """(kind, variant) of all trainings, the residual ones last."""
        return list(dict.fromkeys((kind, variant) for kind, variant, _ in self.trained))


def report(found: Measured) -> Findings:
    """Findings in words and charts.

    Args:
        found: the gradients.
    """
    seeds = sorted({seed for *_, seed in found.fresh})
    return Findings(
        title=_write_title(found),
        closing=_write_closing(found),
        method=(
            (
                "networks",
                f"the ResNets of He et al. for CIFAR-10 with {_join(found.depths)} layers and shortcuts without "
                "parameters (option A), and their plain twins with as many weights; each with batch norm, and without "
                "it with biases, from He's and from Glorot's initial weights",
            ),
            (
                "measured",
                "the norm of the loss's gradient in the kernel of each convolution, on one batch of 64 training "
                "images, in training mode; early layers are the first quarter, of which the geometric mean is taken",
            ),
            (
                "training",
                f"{found.steps[-1]} steps of 64 images with {found.trained_depth} layers: SGD with momentum 0.9, "
                f"constant rate {found.rates['norm']:g} with batch norm and {found.rates['he']:g} without",
            ),
            ("images", found.images),
            (
                "seeds",
                f"{_join(seeds)} before training; {_join(sorted({s for *_, s in found.trained}))} in training",
            ),
        ),
        charts=(_draw_depths(found), _draw_layers(found), _draw_steps(found), _draw_frames(found)),
        table=_make_table(found),
        limits=(
            "Gradients of the first steps say how a network begins to learn, not how well it ends.",
            "A small gradient matters less if the optimizer divides by its size, as Adam does.",
            "The bands show the lowest and highest of the seeds, which is no confidence interval.",
        ),
        claim=_CLAIM,
        figures={
            f"{_name(kind, variant)} {depth} layers, early gradient": average(
                found.find_early(kind, variant, depth).values
            )
            for kind, variant in found.keys
            for depth in found.depths
        },
    )


def _join(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def _write_title(found: Measured) -> str:
    plain, residual = (found.find_factor(kind, "norm") for kind in ("plain", "residual"))
    return (
        f"From {found.depths[0]} to {found.deepest} layers with batch norm, the early gradient {name_trend(plain)} in "
        f"plain networks ({_times(plain)}) and {name_trend(residual)} in residual ones ({_times(residual)})"
    )


def _times(factor: float) -> str:
    return "not finite" if not isfinite(factor) else f"x {format_figure(factor)}"


def _write_closing(found: Measured) -> tuple[str, ...]:
    ends = f"from {found.depths[0]} to {found.deepest} layers"
    factors = {key: found.find_factor(*key) for key in found.keys}
    plain, residual = factors["plain", "norm"], factors["residual", "norm"]
    early = {kind: found.find_early(kind, "norm", found.deepest) for kind in ("plain", "residual")}
    first = (
        f"Before training and with batch norm, the early gradient of the plain network {name_trend(plain)} {ends} "
        f"({_times(plain)}, to {early['plain'].describe(format_figure)}); that of the residual one "
        f"{name_trend(residual)} ({_times(residual)}, to {early['residual'].describe(format_figure)})."
    )
    parts = []
    for variant, words in (("glorot", "from Glorot's initial weights"), ("he", "from He's")):
        plain, residual = factors["plain", variant], factors["residual", variant]
        parts.append(
            f"{words} it {name_trend(plain)} in the plain network ({_times(plain)}) and {name_trend(residual)} in the "
            f"residual one ({_times(residual)})"
        )
    last = _judge_claim({key: name_trend(factor) for key, factor in factors.items()})
    return first, f"Without batch norm, {'; '.join(parts)}.", f"{_describe_last_step(found)}{last}"


def _describe_last_step(found: Measured) -> str:
    kinds = ("plain", "residual")
    both = [step for step in found.steps if all(found.find_trained(kind, "norm", step) for kind in kinds)]
    if not both:
        return ""
    values = {}
    for kind in kinds:
        for step in (both[0], both[-1]):
            values[kind, step] = Spread.of([probe.early for probe in found.find_trained(kind, "norm", step)])
    texts = [
        f"from {format_figure(values[kind, both[0]].mean)} to {values[kind, both[-1]].describe(format_figure)}"
        for kind in kinds
    ]
    return (
        f"In {both[-1]} steps of training with {found.trained_depth} layers and batch norm it goes {texts[0]} in the "
        f"plain network and {texts[1]} in the residual one. "
    )


def _judge_claim(trends: dict[tuple[str, str], str]) -> str:
    vanish = [variant for variant in ("norm", "he", "glorot") if trends["plain", variant] == "vanishes"]
    names = {
        "norm": "with batch norm",
        "he": "without batch norm from He's weights",
        "glorot": "without batch norm from Glorot's weights",
    }
    if not vanish:
        return "So gradients vanish in no plain network here."
    kept = [variant for variant in vanish if trends["residual", variant] != "vanishes"]
    where = " and ".join(names[variant] for variant in vanish)
    rest = "shortcuts prevent it" if kept == vanish else "shortcuts do not prevent it everywhere"
    if any(trends["residual", variant] == "explodes" for variant in kept):
        rest += ", but it explodes with them"
    return (
        f"So gradients vanish in the plain network{'' if len(vanish) == 3 else ' only'} {where}, and {rest}."
    )


def _name(kind: str, variant: str) -> str:
    return f"{kind}{_NAMES[variant]}"


def _make_series(kind: str, variant: str, x: Sequence[float], spreads: Sequence[Spread]) -> Series:
    return Series(
        _name(kind, variant),
        tuple(map(float, x)),
        tuple(average(one.values) for one in spreads),
        _COLOURS[variant],
        tuple(one.low for one in spreads),
        tuple(one.high for one in spreads),
        dashed=kind == "plain",
    )


def _draw_depths(found: Measured) -> Drawing:
    series = [
        _make_series(kind, variant, found.depths, [found.find_early(kind, variant, d) for d in found.depths])
        for kind, variant in found.keys
    ]
    factors = [_times(found.find_factor(kind, "norm")) for kind in ("plain", "residual")]
    title = (
        f"Before training, from {found.depths[0]} to {found.deepest} layers with batch norm, the early gradient "
        f"changes by {factors[0]} plain and {factors[1]} residual"
    )
    return draw_lines(
        "depth",
        title,
        series,
        Axis("layers", low=0, high=found.deepest),
        Axis(_EARLY, log=True),
        "dashed: plain",
    )


def _spread_layers(probes: Sequence[Probe]) -> list[Spread]:
    return [Spread.of(values) for values in zip(*(probe.norms for probe in probes), strict=True)]


def _draw_profiles(
    name: str,
    title: str,
    keys: Sequence[tuple[str, str]],
    find: Callable[[str, str], list[Probe]],
    axis: Axis,
) -> Drawing:
    series = []
    for kind, variant in keys:
        spreads = _spread_layers(find(kind, variant))
        if spreads:
            series.append(_make_series(kind, variant, range(1, len(spreads) + 1), spreads))
    last = max((one.x[-1] for one in series), default=1.0)
    x_axis = Axis("convolution, from the image to the head", low=0, high=last)
    return draw_lines(name, title, series, x_axis, axis, "dashed: plain")


def _draw_layers(found: Measured) -> Drawing:
    probes = found.find_fresh("plain", "norm", found.deepest)
    ends = [format_figure(average([getattr(probe, end) for probe in probes])) for end in ("early", "late")]
    title = (
        f"Before training, {found.deepest} layers: with batch norm the plain network has a gradient of {ends[0]} in "
        f"early layers and {ends[1]} in late ones"
    )
    return _draw_profiles(
        "layers",
        title,
        found.keys,
        lambda kind, variant: found.find_fresh(kind, variant, found.deepest),
        Axis("gradient norm", log=True),
    )


def _draw_steps(found: Measured) -> Drawing:
    series, ends = [], []
    for kind, variant in found.pairs:
        steps = [step for step in found.steps if found.find_trained(kind, variant, step)]
        spreads = [Spread.of([p.early for p in found.find_trained(kind, variant, step)]) for step in steps]
        series.append(_make_series(kind, variant, steps, spreads))
        if variant == "norm":
            ends.append(f"{kind} {format_figure(average(spreads[-1].values))}")
    title = f"In training, {found.trained_depth} layers with batch norm: the early gradient ends at {', '.join(ends)}"
    return draw_lines(
        "steps", title, series, Axis("step of training"), Axis(_EARLY, log=True), "dashed: plain"
    )


def _draw_frames(found: Measured) -> Frames:
    norms = [
        norm
        for steps in found.trained.values()
        for probe in steps.values()
        for norm in probe.norms
        if isfinite(norm) and norm > 0
    ]
    axis = Axis("gradient norm", log=True, low=min(norms, default=0.1), high=max(norms, default=1.0))
    frames = []
    for step in found.steps:
        drawing = _draw_profiles(
            f"layers-step-{step}",
            f"{found.trained_depth} layers after {step} steps",
            [key for key in found.pairs if found.find_trained(*key, step)],
            lambda kind, variant, step=step: found.find_trained(kind, variant, step),
            axis,
        )
        frames.append((str(step), drawing))
    title = f"Move the slider: the gradient of each layer in training, {found.trained_depth} layers"
    return Frames("layers-step", title, "step", tuple(frames))


def _make_table(found: Measured) -> Table:
    rows = []
    for kind, variant in found.keys:
        for depth in found.depths:
            probes = found.find_fresh(kind, variant, depth)
            early, late = (Spread.of([getattr(probe, end) for probe in probes]) for end in ("early", "late"))
            name = f"{_name(kind, variant)}, {depth} layers"
            rows.append(
                (name, average(early.values), early.low, early.high, average(late.values), len(early.values))
            )
    columns = ("new network", "early gradient", "lowest seed", "highest seed", "late gradient", "seeds")
    return Table(columns, tuple(rows))
