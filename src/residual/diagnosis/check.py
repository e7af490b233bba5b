"""What was measured for one symptom of a run, and all of them together."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Remedy:
    """Something to try.

    Attributes:
        text: one sentence.
        command: that does it; None if there is none.
    """

    text: str
    command: str | None = None


@dataclass(frozen=True)
class Check:
    """What was measured for one symptom.

    Attributes:
        symptom: its name.
        found: whether the threshold is passed.
        evidence: what was measured, one or two sentences with figures.
        threshold: what must be passed to be found.
        figures: the measured figures, by name.
        where: layers or files, the worst first.
        remedies: what to try; () if nothing was found.
    """

    symptom: str
    found: bool
    evidence: str
    threshold: str
    figures: dict[str, Any] = field(default_factory=dict)
    where: tuple[str, ...] = ()
    remedies: tuple[Remedy, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        remedies = [vars(remedy) for remedy in self.remedies]
        return {**vars(self), "where": list(self.where), "remedies": remedies}


@dataclass(frozen=True)
class Diagnosis:
    """All symptoms of a run.

    Attributes:
        run: its name.
        checks: one for each symptom that could be measured.
        skipped: symptom -> why it could not be measured.
    """

    run: str
    checks: tuple[Check, ...]
    skipped: dict[str, str]

    def __iter__(self) -> Iterator[Check]:
        return iter(self.found)

    def __len__(self) -> int:
        return len(self.found)

    @property
    def found(self) -> tuple[Check, ...]:
        """The checks whose threshold is passed."""
        return tuple(check for check in self.checks if check.found)

    def __getitem__(self, symptom: str) -> Check:
        return next(check for check in self.checks if check.symptom == symptom)

    def __str__(self) -> str:
        from residual._console import render_text
        from residual.diagnosis.diagnosis_text import print_diagnosis

        return render_text(lambda console: print_diagnosis(self, console))

    def __repr__(self) -> str:
        return f"Diagnosis({self.run}: {', '.join(check.symptom for check in self.found) or 'nothing found'})"

    def _repr_html_(self) -> str:
        from residual._console import preformat_html

        return preformat_html(str(self))

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "run": self.run,
            "found": [check.symptom for check in self.found],
            "checks": [check.to_dict() for check in self.checks],
            "skipped": self.skipped,
        }
