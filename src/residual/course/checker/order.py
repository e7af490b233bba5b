"""Rules about what stands where in a block: the addition, the shortcut, the order along the main path."""

from collections.abc import Iterator

from residual.course.checker.layout import Block, Difference, letters, of_kind, ordinal
from residual.course.checker.steps import Step

_MERGES = {"concatenate": "concatenated", "multiply": "multiplied"}
_KINDS = {"conv": "convolution", "norm": "batch norm", "act": "activation"}


def order_differences(ref: Block, got: Block) -> list[Difference]:
    """All differences in the order of two blocks' layers, the most telling first."""
    found = [] if got.stopped else [*_merge(ref, got), *_shortcut(ref, got)]
    found += _main(ref, got)
    if not got.stopped and (
        got.merge is None or got.merge.output is not None
    ):  # else there is no end to judge
        found += _tail(ref, got)
    return _before_addition(found)


def _merge(ref: Block, got: Block) -> Iterator[Difference]:
    merge = got.merge
    if merge is None:
        if ref.merge is not None:
            yield Difference("shortcut-not-added", "addition", "Add", "", got.main[-1] if got.main else None)
        return
    if merge.name != "add":
        name = _MERGES.get(merge.name, "other-merge")
        yield Difference(name, "addition", "Add", merge.name, merge)
    if got.oddity == "same":
        yield Difference(
            "added-to-itself", "addition", "the main path and the shortcut", "one tensor twice", merge
        )
    elif got.oddity == "unused":
        yield Difference("main-path-unused", "addition", "the main path and the shortcut", "", merge)
    elif got.oddity == "extra":
        inputs = len(merge.node.inputs)
        what = f"{inputs} tensors are added" if inputs > 2 else "a second one inside the main path"
        yield Difference("extra-addition", "addition", "one addition of two tensors", what, merge)


def _shortcut(ref: Block, got: Block) -> Iterator[Difference]:
    if got.merge is None or got.oddity in ("same", "unused"):
        return
    if got.late and len(letters(got.late)) > len(letters(ref.late)):
        yield Difference("shortcut-taken-late", "shortcut", "from the input", _after(got.late), got.late[-1])
    path = got.shortcut
    for step in of_kind(path, "act"):
        yield Difference("relu-on-shortcut", "shortcut", "no activation", step.name, step)
    if ref.projects and not got.projects:
        yield Difference("shortcut-not-projected", "shortcut", "a 1x1 convolution", _listed(path), got.merge)
        return
    if got.projects and not ref.projects:
        yield Difference("conv-on-identity-shortcut", "shortcut", "the input itself", _listed(path), path[0])
        return
    norms, expected = of_kind(path, "norm"), of_kind(ref.shortcut, "norm")
    if expected and not norms:
        yield Difference("norm-missing-shortcut", "shortcut", _listed(ref.shortcut), _listed(path), path[-1])
    elif norms and letters(of_kind(path, "conv", "norm")).startswith("N") and expected:
        yield Difference(
            "norm-before-convolution", "shortcut's batch norm", "conv, norm", "norm, conv", norms[0]
        )
    elif len(norms) > len(expected):
        yield Difference("norm-on-shortcut", "shortcut", _listed(ref.shortcut), _listed(path), norms[-1])
    if len(of_kind(path, "conv")) > len(of_kind(ref.shortcut, "conv")):
        yield Difference("convolution-count", "shortcut", "1 convolution", _listed(path), path[0])
    yield from _strangers(path, "shortcut")


def _main(ref: Block, got: Block) -> Iterator[Difference]:
    if got.oddity == "unused":
        return
    expected, path = len(ref.convs), got.main
    count = len(got.convs)
    if letters(path) == letters(ref.main):
        yield from _activations(path)
        return
    if letters(path).startswith("NAC") and letters(ref.main).startswith("C") and ref.tail:
        yield Difference("pre-activation-order", "main path", _order(ref.main), _order(path), path[0])
        return
    if letters(ref.main).startswith("NAC") and letters(path).startswith("CN"):
        yield Difference("post-activation-order", "main path", _order(ref.main), _order(path), path[0])
        return
    if count != expected and not (got.stopped and count < expected):
        yield Difference(
            "convolution-count",
            "main path",
            _convolutions(expected),
            _convolutions(count),
            path[-1] if path else None,
        )
        return
    yield from _segments(_cut(ref.main), _cut(path), stopped=got.stopped)
    yield from _activations(path)
    yield from _strangers(path, "main path")


def _cut(path: list[Step]) -> list[list[Step]]:
    """The steps before the 1st convolution, those after it, after the 2nd, ..."""
    segments: list[list[Step]] = [[]]
    for step in path:
        if step.kind == "conv":
            segments.append([step])
        else:
            segments[-1].append(step)
    return segments


def _segments(expected: list[list[Step]], got: list[list[Step]], stopped: bool) -> Iterator[Difference]:
    """Compare component by component; `early` are norms in front of the convolution that they belong to."""
    early = False
    for i, (there, here) in enumerate(zip(expected, got, strict=False)):
        if stopped and i == len(got) - 1:
            return
        wanted, order = letters(there).replace("?", ""), letters(here).replace("?", "")
        anchor = here[-1] if here else None
        role, last = ordinal(max(i, 1)), i == len(expected) - 1
        missing_norm = order.count("N") < wanted.count("N")
        if missing_norm and early:
            yield Difference(
                "norm-before-convolution", f"{role} batch norm", _order(there), "norm first", anchor
            )
        elif missing_norm and not stopped:
            yield Difference("norm-missing", f"{role} batch norm", _order(there), _order(here), anchor)
        elif "NA" in wanted and -1 < order.find("A") < order.find("N"):
            norm = of_kind(here, "norm")[-1]
            yield Difference("norm-after-relu", f"{role} batch norm", _order(there), _order(here), norm)
        early = order.count("N") > wanted.count("N")
        following = letters(got[i + 1]) if i + 1 < len(got) else ""
        if early and not (len(following) and following.count("N") < letters(expected[i + 1]).count("N")):
            yield Difference("extra-layer", f"{role} component", _order(there), "a second batch norm", anchor)
            early = False
        yield from _relus(wanted, order, here, role, last)


def _relus(wanted: str, order: str, here: list[Step], role: str, last: bool) -> Iterator[Difference]:
    acts = of_kind(here, "act")
    if len(acts) < wanted.count("A"):
        yield Difference("relu-missing", f"{role} ReLU", "ReLU", "", here[-1] if here else None)
    elif len(acts) > wanted.count("A"):
        if last:
            yield Difference(
                "relu-on-last-component", f"{role} component", "no ReLU", acts[-1].name, acts[-1]
            )
        elif "AA" in order and len({act.name for act in acts}) == 1:
            yield Difference("relu-twice", f"{role} ReLU", "one ReLU", "two", acts[-1])
        elif "AN" in order:
            norm = of_kind(here, "norm")[-1]
            yield Difference("norm-after-relu", f"{role} batch norm", "conv, norm, relu", _order(here), norm)
        else:
            yield Difference("extra-layer", f"{role} component", "", acts[0].name, acts[0])


def _activations(path: list[Step]) -> Iterator[Difference]:
    for i, step in enumerate(of_kind(path, "act"), 1):
        if step.name != "relu":
            yield Difference("other-activation", f"{ordinal(i)} ReLU", "relu", step.name, step)


def _tail(ref: Block, got: Block) -> Iterator[Difference]:
    wanted, acts = letters(ref.tail), of_kind(got.tail, "act")
    anchor = got.tail[0] if got.tail else got.merge
    for norm in of_kind(got.tail, "norm"):
        yield Difference("norm-after-addition", "addition", "Add, ReLU", _order(got.tail), norm)
    if wanted and not acts:
        yield Difference("relu-missing-after-addition", "last ReLU", "Add, ReLU", "Add", anchor)
    elif acts and not wanted:
        yield Difference("relu-after-addition", "addition", "Add alone", f"Add, {acts[0].name}", acts[0])
    elif acts and acts[0].name != "relu":
        yield Difference("other-activation", "last ReLU", "relu", acts[0].name, acts[0])
    elif len(acts) > 1:
        yield Difference("relu-twice", "last ReLU", "one ReLU", "two", acts[-1])
    yield from _strangers(got.tail, "addition")
    for conv in of_kind(got.tail, "conv"):
        yield Difference("extra-layer", "end of the block", "", "Conv2D", conv)


def _strangers(path: list[Step], place: str) -> Iterator[Difference]:
    for step in path:
        if step.kind not in _KINDS:
            yield Difference("extra-layer", place, "", step.name, step)


def _before_addition(found: list[Difference]) -> list[Difference]:
    """One mistake in place of two: a ReLU at the end of F and none after the sum is a ReLU too early.

    And the order of v2 has no ReLU after the sum to begin with.
    """
    names = {difference.mistake for difference in found}
    if "pre-activation-order" in names:
        return [d for d in found if d.mistake != "relu-missing-after-addition"]
    if not {"relu-on-last-component", "relu-missing-after-addition"} <= names:
        return found
    early = next(d for d in found if d.mistake == "relu-on-last-component")
    rest = [d for d in found if d.mistake not in ("relu-on-last-component", "relu-missing-after-addition")]
    return [Difference("relu-before-addition", "last ReLU", "Add, ReLU", "ReLU, Add", early.step), *rest]


def _order(steps: list[Step]) -> str:
    return (
        ", ".join({"conv": "conv", "norm": "norm"}.get(step.kind, step.name) for step in steps) or "nothing"
    )


def _listed(path: list[Step]) -> str:
    return " + ".join(step.name for step in path) or "the input itself"


def _after(steps: list[Step]) -> str:
    role = ordinal(max(len(of_kind(steps, "conv")), 1))
    kind = _KINDS.get(steps[-1].kind, steps[-1].name)
    return f"after the {role} {kind}"


def _convolutions(count: int) -> str:
    return f"{count} convolution{'' if count == 1 else 's'}"
