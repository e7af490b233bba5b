"""The arithmetic of the scaling model against closed forms, and the published rows against their logs' figures."""

import math
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture
def model(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import cluster_model

    yield cluster_model
    for name in ("cluster_model", "turns"):
        sys.modules.pop(name, None)


def test_two_measured_batches_give_step_and_image_exactly(model):
    device = model.fit_device([10, 110], [0.005 + 0.01, 0.005 + 0.11])
    assert device.step == pytest.approx(0.005)
    assert device.image == pytest.approx(0.001)
    assert device.compute(50) == pytest.approx(0.055)


def test_a_step_takes_no_negative_time(model):
    device = model.fit_device([10, 100], [0.009, 0.1])
    assert device.step == 0
    assert 0.0009 <= device.image <= 0.001


def test_one_batch_size_tells_nothing_apart(model):
    with pytest.raises(ValueError, match="two batch sizes"):
        model.fit_device([32, 32], [0.1, 0.1])


def test_all_reduce_is_a_ring_inside_and_a_ring_between(model):
    links = model.Links(devices=4, inside=100.0, between=10.0, latency=0.5)
    assert links.all_reduce(1, 1000) == 0
    assert links.all_reduce(4, 1000) == pytest.approx(2 * 3 / 4 * 1000 / 100)
    between = 2 * 1 / 2 * 250 / 10 + 2 * 1 * 0.5
    assert links.all_reduce(8, 1000) == pytest.approx(2 * 3 / 4 * 1000 / 100 + between)
    # More hosts move hardly more bytes over each link, and twice as many hosts cost two more hops.
    far, farther = links.all_reduce(4 * 64, 0), links.all_reduce(4 * 128, 0)
    assert farther - far == pytest.approx(2 * 0.5)


def test_images_that_are_not_ready_hold_up_the_step(model):
    device, links = model.Device(0.0, 0.001), model.Links(8, math.inf, math.inf)
    assert model.predict(16, 100, device, links, 0).seconds == pytest.approx(0.1)
    starved = model.predict(16, 100, device, links, 0, input_rate=1_000)
    assert starved.seconds == pytest.approx(0.8)
    assert starved.largest == "waiting for images"


def test_without_communication_the_rate_grows_with_the_devices(model):
    device, links = model.Device(0.01, 0.001), model.Links(8, math.inf, math.inf)
    one, many = (model.predict(count, 64, device, links, 0).seconds for count in (1, 3584))
    assert one == many


def test_the_row_that_was_left_out_is_predicted_within_five_percent(model):
    links, last = model.LINKS["dgx-h100"], model.PUBLISHED[-1]
    device = model.fit_published(model.PUBLISHED[:-1], links)
    step = model.predict(last.devices, last.batch / last.devices, device, links)
    assert step.seconds == pytest.approx(last.seconds, rel=0.05)
    assert step.largest == "fixed time of a step"


def test_tables_have_a_row_for_each_count(model):
    table = model.format_published(decoded=700.0)
    assert [line.split("|")[1].strip() for line in table.strip().splitlines()[2:]] == [
        "8",
        "64",
        "512",
        "3,584",
    ]
    rows = model.format_predicted(model.Device(0.01, 0.001), 32, model.LINKS["ethernet-10g"], 1e8)
    assert [line.split("|")[4].strip() for line in rows.strip().splitlines()[2:]] == sorted(
        (line.split("|")[4].strip() for line in rows.strip().splitlines()[2:]), reverse=True
    )
