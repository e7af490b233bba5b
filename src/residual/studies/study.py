"""What a study is, and what it finds.

A study is one file with a `Study` and one row in `STUDIES`. Its function asks the context for images, seeds and time,
has the context remember each training and each probe, and returns `Findings`; page, charts and tables are written for
it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from residual.studies.context import Context
from residual.studies.drawing import Drawing, Frames, Table


@dataclass(frozen=True)
class Findings:
    """What a study has found.

    Attributes:
        title: a sentence that states the finding, with figures.
        closing: two or three sentences of what was seen, with the measured figures.
        method: what was run, as (label, text): networks, images, steps, what was measured.
        charts: with titles that state what they show.
        table: the figures, a row for each network or layer.
        limits: what the figures do not say, a sentence each.
        claim: what is usually said and where, which the study tests; None without one.
        figures: the measured figures by name, for programs.
    """

    title: str
    closing: tuple[str, ...]
    method: tuple[tuple[str, str], ...]
    charts: tuple[Drawing | Frames, ...]
    table: Table
    limits: tuple[str, ...] = ()
    claim: tuple[str, str] | None = None
    figures: dict[str, float | int | str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Study:
    """One question and how it is answered.

    Attributes:
        name: what `study` calls it.
        question: one line.
        run: trains or probes networks; loads Keras only when it is called.
        network: whether it takes a trained network of the user's: it "must" have one, "may", or takes "none".
        repairs: whether it can save a repaired network.
    """

    name: str
    question: str
    run: Callable[[Context], Findings]
    network: Literal["must", "may", "none"] = "none"
    repairs: bool = False
