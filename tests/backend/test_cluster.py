"""What is asked of several devices and processes is checked before anything is loaded."""

from typing import NamedTuple

import pytest

from residual.backend import cluster
from residual.backend.cluster import Cluster, choose_devices
from residual.errors import ResidualError

KERAS = {
    "KERAS_DISTRIBUTION_JOB_ADDRESSES": "node0:1234,node1:1234",
    "KERAS_DISTRIBUTION_NUM_PROCESSES": "2",
    "KERAS_DISTRIBUTION_PROCESS_ID": "1",
}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("some",), "devices must be all, or a whole number from 1; got 'some'"),
        ((0,), "devices must be all"),
        (("0",), "devices must be all"),
        ((True,), "devices must be all"),
        ((2, "node:1234"), "belong together"),
        ((2, None, 2, 0), "belong together"),
        ((None, "node", 2, 0), "coordinator must be HOST:PORT"),
        ((None, "node:1234", 0, 0), "processes must be at least 1; got 0"),
        ((None, "node:1234", 2, 2), "process_id must be from 0 to 1, one less than `processes`; got 2"),
        ((None, "node:1234", 2, -1), "process_id must be from 0 to 1"),
    ],
)
def test_what_cannot_be_is_refused(arguments, message):
    with pytest.raises(ResidualError, match=message):
        Cluster.read(*arguments, environment={})


@pytest.mark.parametrize("devices", [None, 1, "1"])
def test_one_device_is_the_plain_way(devices):
    assert Cluster.read(devices, environment={}).is_plain


def test_one_process_is_no_other_process():
    assert Cluster.read(None, "node:1234", 1, 0, environment={}).is_plain
    assert not Cluster.read(None, "node:1234", 2, 0, environment={}).is_plain


def test_keras_variables_name_the_processes():
    found = Cluster.read(None, environment=KERAS)
    assert (found.coordinator, found.processes, found.process_id) == ("node0:1234", 2, 1)


def test_arguments_go_before_variables():
    assert Cluster.read(None, "other:99", 3, 0, environment=KERAS).processes == 3


@pytest.mark.parametrize("name", KERAS)
def test_keras_variables_belong_together(name):
    with pytest.raises(ResidualError, match=f"{name} must be set too"):
        Cluster.read(None, environment={key: value for key, value in KERAS.items() if key != name})


def test_a_variable_that_is_no_number_is_named():
    with pytest.raises(ResidualError, match="KERAS_DISTRIBUTION_PROCESS_ID must be a whole number; got 'x'"):
        Cluster.read(None, environment={**KERAS, "KERAS_DISTRIBUTION_PROCESS_ID": "x"})


@pytest.mark.parametrize("name", ["SLURM_STEP_NUM_TASKS", "OMPI_COMM_WORLD_SIZE"])
def test_a_launcher_counts_only_if_devices_are_asked_for(name):
    assert Cluster.read("all", environment={name: "4"}).has_several_processes
    assert Cluster.read(None, environment={name: "4"}).is_plain
    assert not Cluster.read("all", environment={name: "1"}).has_several_processes


class Device(NamedTuple):
    process_index: int
    id: int


def test_devices_of_a_process_stand_together():
    devices = [Device(1, 2), Device(0, 0), Device(1, 3), Device(0, 1)]
    assert [device.id for device in choose_devices(devices, None)] == [0, 1, 2, 3]
    assert [device.id for device in choose_devices(devices, 1)] == [0, 2]


def test_unequal_devices_of_processes_are_refused():
    devices = [Device(0, 0), Device(0, 1), Device(1, 2)]
    with pytest.raises(
        ResidualError, match=r"they have 2, 1, in the order of the processes. Give `devices` 1"
    ):
        choose_devices(devices, None)
    assert len(choose_devices(devices, 1)) == 2


def test_only_one_process_shows_a_page(monkeypatch):
    assert [Cluster.read(None, "node:1", 2, i, environment={}).follows for i in (0, 1)] == [False, True]
    assert not Cluster.read(None, environment={}).follows
    slurm = Cluster.read("all", environment={"SLURM_STEP_NUM_TASKS": "2"})
    for place in ("0", "1"):
        monkeypatch.setenv("SLURM_PROCID", place)
        assert slurm.follows == (place == "1")


def test_another_backend_is_refused(monkeypatch):
    monkeypatch.setattr(cluster, "_find_backend", lambda: "tensorflow")
    Cluster(1).check()
    with pytest.raises(ResidualError, match="Keras on tensorflow; got 2.*set KERAS_BACKEND=jax"):
        Cluster(2).check()
    with pytest.raises(ResidualError, match="got 3 processes"):
        Cluster(None, "node:1234", 3, 0).check()


def test_one_device_and_several_contradict_each_other(monkeypatch):
    monkeypatch.setattr(cluster, "_find_backend", lambda: "jax")
    with pytest.raises(ResidualError, match="`device` cpu asks for one device, and `devices` for several"):
        Cluster(2).check("cpu")
