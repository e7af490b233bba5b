"""Blocks with one planted mistake each: the checker names it, and names nothing else."""

import pytest

from residual.checker import check
from tests.support import learners, planted

# If the shortcut is taken late and the sum is still possible, there is another stride or other filters as well.
ALSO = {"shortcut-taken-late": {"stride-missing-shortcut", "wrong-filters"}}


@pytest.mark.parametrize("case", planted.BLOCKS, ids=lambda case: f"{case.function}-{case.mistake}")
def test_a_block_names_the_planted_mistake(case):
    report = check(case.define())
    mistakes = {finding.mistake for finding in report.mistakes}
    assert mistakes - ALSO.get(case.mistake, set()) == {case.mistake}, report.findings
    named = next(finding for finding in report.mistakes if finding.mistake == case.mistake)
    assert case.place in named.place
    assert named.function == case.function
    assert named.message
    assert named.hint
    assert "{" not in named.message + named.hint
    assert not report.ok


def test_a_layer_that_looks_right_and_computes_otherwise_is_found_by_its_numbers():
    changes = {"bn2": "X = Doubled(axis=3)(X, training=training)"}
    (finding,) = check(learners.learner("identity_block", planted.DOUBLED, **changes)).mistakes
    assert "first difference at the end of the 2nd component" in finding.message


@pytest.mark.parametrize(
    "case",
    [case for case in planted.NOTES if case.function.endswith("_block")],
    ids=lambda case: f"{case.function}-{case.mistake}",
)
def test_what_does_no_harm_in_a_block_is_a_note(case):
    """`training=True` as a default is one too: the block is right if the flag is passed."""
    report = check(case.define())
    assert report.ok
    assert {finding.mistake for finding in report.notes} == {case.mistake}


def test_a_note_that_several_layers_share_is_printed_once():
    changes = {
        "conv1": f"X = Conv2D(F1, 1, use_bias=False, {planted.INIT})(X)",
        "conv3": f"X = Conv2D(F3, 1, use_bias=False, {planted.INIT})(X)",
        "after_relu2": "X = ops.relu(X)",
    }
    report = check(learners.learner("identity_block", **changes))
    assert [(note.mistake, note.place) for note in report.notes] == [
        ("relu-twice", "2nd ReLU"),
        ("no-bias", "1st convolution (and 1 more)"),
    ]
