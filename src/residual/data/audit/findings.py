"""From facts to findings: what is wrong with the data, how often, and on which images it can be seen."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from residual.data.audit.repeats import near_pairs, same_groups
from residual.data.audit.scan import Facts, scan
from residual.data.balance import imbalance
from residual.data.raw import PARTS, Raw
from residual.errors import DataError

_ODD_SIDE, _ODD_ASPECT = 4.0, 2.5
_ODD_SHARE = 0.05  # more odd sizes than this are no exception
_TOLD = {"train": "training", "validation": "validation", "test": "test"}


@dataclass(frozen=True)
class Case:
    """One place where a finding can be seen.

    Attributes:
        images: indices into the entries.
        note: what is to be said of it, or "".
    """

    images: tuple[int, ...]
    note: str = ""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        kind: a short name that does not change: "leak", "two-labels", ...
        says: one sentence with the count.
        count: of images, or of pairs where `says` speaks of pairs.
        hurts: whether a result that was measured on this data can be wrong for it.
        cases: where; all of them.
    """

    kind: str
    says: str
    count: int
    hurts: bool
    cases: tuple[Case, ...] = ()


@dataclass(frozen=True, eq=False)
class Audit:
    """What was found in a source of images.

    Attributes:
        raw: the images.
        facts: of their scan.
        findings: those that hurt first.
    """

    raw: Raw
    facts: Facts
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was found that hurts."""
        return not any(finding.hurts for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able, with every case of every finding."""
        return {
            "data": self.raw.where,
            "layout": self.raw.layout,
            "images": len(self.raw.entries),
            "parts": dict(Counter(entry.part for entry in self.raw.entries)),
            "classes": list(self.raw.classes),
            "ok": self.ok,
            "findings": [
                {
                    "kind": finding.kind,
                    "hurts": finding.hurts,
                    "count": finding.count,
                    "says": finding.says,
                    "cases": [
                        {"images": [self._named(i) for i in case.images], "note": case.note}
                        for case in finding.cases
                    ],
                }
                for finding in self.findings
            ],
        }

    def _named(self, i: int) -> dict[str, str]:
        name, part, label = self.raw.entries[i]
        return {"name": name, "part": part, "label": self.raw.classes[label]}


def audit(raw: Raw, labels: bool = False, progress: Callable[[int], None] = lambda done: None) -> Audit:
    """Look at every image of a source.

    Args:
        raw: the images, from `items.raw_data`.
        labels: look for labels that are likely wrong too, which takes longer than all else.
        progress: called with the number of images read.

    Raises:
        DataError: when there are no images.
    """
    if not raw.entries:
        raise DataError(f"{raw.where} has no images.")
    facts = scan(raw, progress)
    groups = same_groups(facts)
    repeated = np.concatenate([group[1:] for group in groups]) if groups else np.empty(0, np.int64)
    pairs = near_pairs(raw, facts, np.setdiff1d(np.arange(len(raw.entries)), repeated))
    findings = [
        *_unreadable(facts),
        *_same(raw, groups),
        *_near(raw, groups, pairs),
        *_odd(raw, facts),
        *_classes(raw),
    ]
    if labels:
        from residual.data.audit.suspects import suspects

        findings += suspects(raw, facts)
    return Audit(raw, facts, tuple(sorted(findings, key=lambda finding: not finding.hurts)))


def _plural(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _unreadable(facts: Facts) -> Iterator[Finding]:
    if not facts.problems:
        return
    kinds = Counter(kind for kind, _ in facts.problems.values())
    listed = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common())
    cases = tuple(
        Case((i,), f"{kind}: {said}" if said else kind) for i, (kind, said) in sorted(facts.problems.items())
    )
    count = len(cases)
    yield Finding("unreadable", f"{_plural(count, 'image')} cannot be read: {listed}", count, True, cases)


def _same(raw: Raw, groups: list[np.ndarray]) -> Iterator[Finding]:
    """Leaks, images under two labels, and repeats, all of equal pixels."""
    for earlier, later in combinations(PARTS, 2):
        leaks = [
            Case((int(i), _first(raw, group, earlier)))
            for group in groups
            if earlier in _parts(raw, group)
            for i in group
            if raw.entries[i].part == later
        ]
        if leaks:
            says = f"{_plural(len(leaks), f'{_TOLD[later]} image')} also among the {_TOLD[earlier]} images"
            yield Finding("leak", says, len(leaks), True, tuple(leaks))
    split = [group for group in groups if len({raw.entries[i].label for i in group}) > 1]
    if split:
        count = sum(map(len, split))
        says = f"{_plural(len(split), 'picture')} under more than one label ({count:,} images)"
        cases = tuple(Case(tuple(map(int, group)), _labels(raw, group)) for group in split)
        yield Finding("two-labels", says, len(split), True, cases)
    repeats = [
        Case(tuple(same))
        for group in groups
        for part in PARTS
        if len(same := [int(i) for i in group if raw.entries[i].part == part]) > 1
    ]
    if repeats:
        count = sum(len(case.images) - 1 for case in repeats)
        says = f"{_plural(count, 'repeat')} of an image within its own part"
        cases = tuple(sorted(repeats, key=lambda case: -len(case.images)))
        yield Finding("repeat", says, count, False, cases)


def _near(raw: Raw, groups: list[np.ndarray], pairs: list[tuple[int, int]]) -> Iterator[Finding]:
    """The same of pictures that are nearly the same; an image that was told of as a leak is not told of again."""
    whole = {int(group[0]): [int(i) for i in group] for group in groups}
    seen = [
        (a, b)
        for first, second in pairs
        for a in whole.get(first, [first])
        for b in whole.get(second, [second])
    ]
    place = {part: i for i, part in enumerate(PARTS)}
    ordered = [sorted(pair, key=lambda i: -place[raw.entries[i].part]) for pair in seen]  # test before train
    for earlier, later in combinations(PARTS, 2):
        leaks: dict[int, Case] = {}
        for a, b in ordered:
            if (raw.entries[a].part, raw.entries[b].part) == (later, earlier):
                leaks.setdefault(a, Case((a, b)))
        if leaks:
            count = _plural(len(leaks), f"{_TOLD[later]} image")
            says = f"{count} nearly the same as {_TOLD[earlier]} images"
            yield Finding("near-leak", says, len(leaks), True, tuple(leaks.values()))
    differing = [(a, b) for a, b in ordered if raw.entries[a].label != raw.entries[b].label]
    if differing:
        says = f"{_plural(len(differing), 'pair')} of nearly the same images under different labels"
        cases = tuple(Case((a, b), _labels(raw, [a, b])) for a, b in differing)
        yield Finding("near-two-labels", says, len(differing), False, cases)
    within = [(a, b) for a, b in ordered if raw.entries[a].part == raw.entries[b].part]
    if within:
        says = f"{_plural(len(within), 'pair')} of nearly the same images within one part"
        yield Finding("near-repeat", says, len(within), False, tuple(map(Case, within)))


def _odd(raw: Raw, facts: Facts) -> Iterator[Finding]:
    """Wrong endings, other files, one colour, other sizes."""
    if facts.wrong_ending:
        cases = tuple(Case((i,), f"is {kind}") for i, kind in sorted(facts.wrong_ending.items()))
        says = f"{_plural(len(cases), 'image')} of another format than the name ends in"
        yield Finding("wrong-ending", says, len(cases), False, cases)
    if raw.passed_over:
        cases = tuple(Case((), name) for name in raw.passed_over)
        says = f"{_plural(len(cases), 'file')} among the images that no image's name ends like: not read"
        yield Finding("other-file", says, len(cases), False, cases)
    constant = np.flatnonzero(facts.constant)
    if len(constant):
        says = f"{_plural(len(constant), 'image')} of a single colour"
        yield Finding("one-colour", says, len(constant), False, tuple(Case((int(i),)) for i in constant))
    odd = _odd_sizes(facts)
    if len(odd):
        usual = "x".join(map(str, np.median(facts.size[facts.readable], axis=0).round().astype(int)))
        says = f"{_plural(len(odd), 'image')} of an odd size (usual: {usual})"
        cases = tuple(Case((int(i),), "x".join(map(str, facts.size[i]))) for i in odd)
        yield Finding("odd-size", says, len(odd), False, cases)


def _odd_sizes(facts: Facts) -> np.ndarray:
    """Images more than 4 times as large or small as the median, by side, or 2.5 times as long or as high."""
    readable = np.flatnonzero(facts.readable)
    if not len(readable):
        return readable
    width, height = np.log(facts.size[readable].astype(np.float64)).T
    side, aspect = (width + height) / 2, width - height
    odd = np.abs(side - np.median(side)) > np.log(_ODD_SIDE)
    odd |= np.abs(aspect - np.median(aspect)) > np.log(_ODD_ASPECT)
    return readable[odd] if odd.mean() <= _ODD_SHARE else readable[:0]


def _classes(raw: Raw) -> Iterator[Finding]:
    """Classes with far fewer training images than others, and parts that lack a class."""
    for part in PARTS:
        labels = [entry.label for entry in raw.entries if entry.part == part]
        counts = np.bincount(labels, minlength=len(raw.classes)) if labels else np.empty(0, np.int64)
        lacking = [raw.classes[i] for i in np.flatnonzero(counts == 0)]
        if lacking:
            says = f"{_plural(len(lacking), 'class', 'classes')} without {_TOLD[part]} images: {', '.join(lacking[:5])}"
            yield Finding("no-images", says, len(lacking), False, tuple(Case((), name) for name in lacking))
        elif part == "train" and (says := imbalance(np.array(labels), raw.classes)):
            yield Finding("imbalance", says, int(counts.min()), False)


def _parts(raw: Raw, group: np.ndarray) -> set[str]:
    return {raw.entries[i].part for i in group}


def _first(raw: Raw, group: np.ndarray, part: str) -> int:
    return next(int(i) for i in group if raw.entries[i].part == part)


def _labels(raw: Raw, group) -> str:
    names = dict.fromkeys(raw.classes[raw.entries[i].label] for i in group)
    return " and ".join(names)
