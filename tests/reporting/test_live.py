"""The live page: what it shows of a training that runs, whom it answers, and how it ends."""

import http.client
import json
import socket
import time

import pytest

from residual.errors import RunError
from residual.reporting.live import LivePage
from residual.reporting.live.page import measure_progress
from residual.runs.folder import RunFolder
from tests.support.browser import find_chromium, open_browser
from tests.support.run_folders import written

CHROMIUM = find_chromium()
REPORT = "<!doctype html>\n<!-- residual report -->\n<title>the report</title>"


@pytest.fixture
def page():
    with LivePage() as opened:
        yield opened


@pytest.fixture
def running() -> RunFolder:
    """A run after three of fifteen epochs."""
    return RunFolder(written("<i>first", validation=None, epochs=3, report={}))


def ask(page: LivePage, name: str, *, method: str = "GET", host: str | None = None) -> tuple[int, str]:
    port, path = page.address.split("/", 3)[2].split(":")[1], "/" + page.address.split("/", 3)[3]
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=10)
    headers = {"Host": host} if host else {}
    connection.request(method, path + name if not name.startswith("/") else name, headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    assert answer.getheader("Content-Security-Policy").startswith("default-src 'none'")
    connection.close()
    return answer.status, text


def read_state(page: LivePage) -> dict:
    return json.loads(ask(page, "state.json")[1])


def test_it_shows_the_epochs_that_have_ended_and_the_time_left(page, running):
    assert "The images are being read" in read_state(page)["html"]
    page.follow(running)
    state = read_state(page)
    assert "3 of 15 epochs have ended" in state["html"]
    assert "s left" in state["html"]
    assert state["html"].count("<svg") == 4
    assert not state["over"]
    assert "<i>" not in state["html"]  # names are text
    # The time left may change between the two.
    assert any(read_state(page)["html"] in ask(page, "")[1] for _ in range(20))


def test_a_file_that_is_damaged_is_a_message(page, running):
    page.follow(running)
    (running.path / "log.csv").write_text("epoch,loss\n1\n")
    assert "log.csv cannot be read" in read_state(page)["html"]


def test_only_its_own_address_is_answered(page, running):
    page.follow(running)
    (running.path / "report.html").write_text("mine, and no report")
    for name in (
        "../../run.toml",
        "run.toml",
        "report.html",
        "state.json/",
        "/",
        "/state.json",
        "%2e%2e/x",
        "live.css/x",
    ):
        assert ask(page, name)[0] == 404, name
    assert ask(page, "", host="elsewhere.example")[0] == 403
    for method in ("POST", "HEAD", "DELETE", "PUT"):
        assert ask(page, "", method=method)[0] == 405
    assert [ask(page, name)[0] for name in ("", "state.json", "live.js", "live.css")] == [200] * 4


def test_it_ends_with_the_training_and_an_open_page_gets_the_report(running):
    with LivePage() as page:
        page.follow(running)
        (running.path / "report.html").write_text(REPORT)
        began = time.monotonic()
        page.finish()  # nobody looks
        assert time.monotonic() - began < 1
        assert read_state(page)["report"]
        assert ask(page, "report.html") == (200, REPORT)
        page.finish()
        assert time.monotonic() - began < 2
    with pytest.raises(OSError, match="refused"):
        ask(page, "state.json")


def test_a_slow_request_does_not_hold_the_end():
    with LivePage() as page:
        port = int(page.address.split(":")[2].split("/")[0])
        slow = socket.create_connection(("127.0.0.1", port))
        slow.sendall(b"GET / HT")
        began = time.monotonic()
    assert time.monotonic() - began < 1
    slow.close()


def test_a_port_that_is_taken_is_refused(page):
    port = int(page.address.split(":")[2].split("/")[0])
    with pytest.raises(RunError, match=f"live_port {port} cannot be used"):
        LivePage(port)
    with pytest.raises(RunError, match="live_port must be a whole number"):
        LivePage(70000)


@pytest.mark.parametrize(
    ("rows", "report", "since", "left", "state"),
    [
        ([], {}, 0.0, None, "running"),
        ([{"seconds": 90.0}, *[{"seconds": 2.0}] * 4], {}, 1.5, 8.5, "running"),  # the first epoch compiles
        ([{"seconds": 2.0}] * 9, {}, 100.0, 0.0, "running"),
        ([{"seconds": 2.0}] * 10, {"weights_sha256": "", "interrupted": False}, 0.0, None, "finished"),
        ([{"seconds": 2.0}], {"weights_sha256": "", "interrupted": True}, 0.0, None, "stopped"),
        ([{"seconds": 2.0}], {"failure": "not finite"}, 0.0, None, "failed"),
    ],
)
def test_how_far_a_training_is(rows, report, since, left, state):
    found = measure_progress(10, rows, report, since)
    assert (found.done, found.left, found.state) == (len(rows), left, state)


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium or Chrome")
def test_a_browser_follows_the_epochs_and_ends_at_the_report(running, tmp_path):
    with open_browser(CHROMIUM, tmp_path / "profile") as tab, LivePage() as page:
        page.follow(running)
        tab.open(page.address, 390, scheme="dark")
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390
        log = running.path / "log.csv"
        log.write_text(log.read_text() + "4,0.9,0.3,0.13,0.2,0.001,1.5\n")
        tab.wait_for("document.getElementById('news').textContent === '4 of 15 epochs have ended'")
        tab.evaluate("document.getElementById('pause').focus()")
        tab.press("Enter", 13, "\r")
        tab.wait_for("document.getElementById('said').textContent === 'Paused'")
        tab.press("Enter", 13, "\r")
        (running.path / "report.html").write_text(REPORT)
        page._over = True
        tab.wait_for("document.title === 'the report'")
        assert tab.complaints == []
        assert {one.split("/")[2] for one in tab.requests if one.startswith("http")} == {
            page.address.split("/")[2]
        }
