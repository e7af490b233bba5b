"""Networks with one planted mistake each, and what the checker makes of wrong blocks in a network."""

import keras
import pytest

from residual.checker import block_check, check, function_check, network_check
from residual.checker.block_check import check_block
from residual.checker.candidates import classify_name, make_candidate
from tests.support import learners, planted

R = learners.RESNET50

# Taking the ReLU from the sum leaves the next block to start from what the Add gives: the same fault.
ALSO = {"relu-after-addition": {"shortcut-taken-late"}}


@pytest.fixture(autouse=True)
def right_blocks(monkeypatch):
    """The blocks of ResNet50 are right here; to check them again each time would take most of the time."""
    check_one = function_check._check_one

    def check_networks_only(candidate, progress):
        if not candidate.is_block:
            check_one(candidate, progress)

    monkeypatch.setattr(function_check, "_check_one", check_networks_only)


@pytest.fixture
def weightless():
    """Networks whose weights have no values: a mistake of structure shows without, in a third of the time."""
    network_check.build_reference.cache_clear()
    with keras.StatelessScope(initialize_variables=False):
        yield
    network_check.build_reference.cache_clear()
    keras.utils.clear_session()


def assert_names(case: planted.Planted) -> None:
    report = check(case.define())
    named = {finding.mistake for finding in report.mistakes}
    assert named - ALSO.get(case.mistake, set()) == {case.mistake}, report.findings
    assert {finding.function for finding in report.mistakes} == {case.function}
    for finding in report.mistakes:
        assert "{" not in finding.message + finding.hint


def with_training_on() -> dict:
    """Right blocks whose `training` is True by default, and a network that does not pass it."""
    codes = []
    for name in ("identity_block", "convolutional_block"):
        head = learners.FUNCTIONS[name]["def"].replace("training=None", "training=True")
        codes.append(learners.source(name, **{"def": head}))
    return learners.namespace(*codes, learners.source("ResNet50"))


@pytest.mark.usefixtures("weightless")
def test_blocks_that_train_by_default_are_a_note_that_says_when_it_matters():
    report = check(with_training_on())
    assert report.ok, report.findings
    assert "training-fixed" in {finding.mistake for finding in report.notes}
    assert "fit, evaluate and predict overrule it" in report.notes[0].message


def name_case(case: planted.Planted) -> str:
    return f"{case.function}-{case.mistake}"


@pytest.mark.usefixtures("weightless")
@pytest.mark.parametrize("case", planted.NETWORKS, ids=name_case)
def test_a_network_names_the_planted_mistake(case):
    assert_names(case)


@pytest.mark.parametrize("case", planted.RIGHT_NETWORKS, ids=name_case)
def test_a_network_with_right_numbers_names_the_planted_mistake(case):
    assert_names(case)


@pytest.mark.parametrize(
    "case", [case for case in planted.NOTES if not case.function.endswith("_block")], ids=name_case
)
def test_what_does_no_harm_in_a_network_is_a_note(case):
    report = check(case.define())
    assert report.ok
    assert [finding.mistake for finding in report.notes] == [case.mistake]


@pytest.mark.usefixtures("weightless")
def test_block_count_says_which_stage_and_how_many():
    report = check(learners.learner("ResNet50", **{"4bcdef": R["4bcdef"].replace("range(5)", "range(6)")}))
    (finding,) = report.mistakes
    assert finding.message == "stage 4 has 7 blocks, not 6 blocks."


@pytest.mark.usefixtures("weightless")
def test_the_reference_s_blocks_stand_in_for_wrong_ones_and_the_learner_s_come_back():
    codes = [learners.source("identity_block", relu_out=None), learners.source("convolutional_block")]
    names = learners.namespace(*codes, learners.source("ResNet50", avg="X = MaxPooling2D((2, 2))(X)"))
    theirs = names["identity_block"]
    block, network = (
        make_candidate(name, names[name], *classify_name(name)) for name in ("identity_block", "ResNet50")
    )
    done = network_check.check_network(network, {"identity_block": (theirs, check_block(block).plan)})
    assert [finding.mistake for finding in done.findings] == ["head-pool-kind"]
    assert names["identity_block"] is theirs
    block_check.build_reference.cache_clear()  # it has no weights
