"""Of what TensorFlow prints only the noise of its start is dropped."""

import inspect
import logging
import os
import sys
from types import SimpleNamespace

import pytest

from residual.backend import quiet
from residual.studies.trial import Trial
from residual.training import fit, plan

START = b"I0000 00:00:1795863132.637793   32379 port.cc:153] oneDNN custom operations are on.\n"
CUDA = b"E0000 00:00:1795863159.832223   32379 cuda_platform.cc:52] failed call to cuInit: INTERNAL\n"


@pytest.mark.parametrize(
    ("line", "noise"),
    [
        (b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n", True),
        (START, True),
        (
            b"2026-11-28 10:00:00.123456: I tensorflow/core/util/port.cc:153] oneDNN custom operations are on.\n",
            True,
        ),
        (b"To enable the following instructions: AVX2 FMA, in other operations, rebuild TensorFlow.\n", True),
        (b"E0000 00:00:1795863159.832223   32379 allocator.cc:52] out of memory\n", False),
        (b"UserWarning: mine\n", False),
        (b"I am a line of the user's\n", False),
    ],
)
def test_what_is_noise(line, noise):
    assert quiet.is_noise(line) is noise


def test_an_error_of_cuda_is_noise_only_without_a_driver(tmp_path, monkeypatch):
    monkeypatch.setattr(quiet, "_DRIVER", tmp_path)
    assert not quiet.is_noise(CUDA)
    monkeypatch.setattr(quiet, "_DRIVER", tmp_path / "none")
    assert quiet.is_noise(CUDA)


def test_other_lines_are_let_through_also_after_an_error(capfd):
    def write():
        with quiet.drop_lines(quiet.is_noise):
            os.write(2, START)
            print("of the user", file=sys.stderr)
            raise ImportError

    with pytest.raises(ImportError):
        write()
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "of the user\nafter\n"


def test_warnings_of_retracing_are_dropped_inside_alone(caplog, monkeypatch):
    logger = logging.getLogger("tensorflow")
    monkeypatch.setattr(logger, "propagate", True)
    text = "5 out of the last 5 calls to f triggered tf.function retracing."
    with quiet.allow_retracing():
        logger.warning(text)
        logger.warning("something else")
    logger.warning(text)
    assert [record.getMessage() for record in caplog.records] == ["something else", text]


@pytest.mark.parametrize(
    ("train", "first"),
    [
        (fit.fit, "residual.training.distribution.check_recipe"),
        (plan.make_plan, "residual.training.plan._choose_job"),
        (Trial.measure_step, None),
        (Trial.train, None),
        (Trial.measure_error, None),
    ],
)
def test_one_training_after_another_warns_of_no_retracing(train, first, caplog, monkeypatch):
    """Each network has functions of its own, which TensorFlow takes for one function that is traced too often."""

    class Stop(Exception):
        pass

    def warn(*_):
        logging.getLogger("tensorflow").warning("5 out of the last 5 calls triggered tf.function retracing.")
        raise Stop

    monkeypatch.setattr(logging.getLogger("tensorflow"), "propagate", True)
    if first:
        monkeypatch.setattr(first, warn)
    model = SimpleNamespace(evaluate=warn)
    job = SimpleNamespace(recipe=None, model=model, restart=warn, _make_batches=warn, _order=warn)
    with pytest.raises(Stop):
        train(job, *range(len(inspect.signature(train).parameters) - 1))
    assert not caplog.records
