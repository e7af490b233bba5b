"""A real browser drops an image on the page and reads the label, on a phone and on a desk."""

import pytest

from tests.serving.conftest import RED
from tests.support.browser import find_chromium, open_browser
from tests.support.live_server import run_server

CHROMIUM = find_chromium()
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium or Chrome")
READY = (
    "!document.getElementById('stage').hasAttribute('aria-busy') && !document.getElementById('answer').hidden"
)


def read_text(tab, name: str) -> str:
    return tab.evaluate(f"document.getElementById('{name}').textContent")


def test_an_image_is_dropped_and_its_label_read(engine, tmp_path):
    (tmp_path / "red.png").write_bytes(RED)
    (tmp_path / "notes.png").write_bytes(b"hello")
    with run_server(engine) as (port, _), open_browser(CHROMIUM, tmp_path / "profile") as tab:
        address = f"http://127.0.0.1:{port}/"
        for width, scheme in ((390, "light"), (1280, "dark")):
            tab.open(address, width, scheme=scheme)
            assert read_text(tab, "label") == ""
            tab.drop(tmp_path / "red.png", width / 4, 300)
            tab.wait_for(READY)
            assert read_text(tab, "label") == "red > 99.9%"
            assert tab.evaluate("document.querySelectorAll('#bars button').length") == 3
            assert "probability of red" in read_text(tab, "caption")
            assert tab.evaluate("document.documentElement.scrollWidth") <= width
        # By keyboard: to the second label, whose map is then shown.
        tab.evaluate("document.querySelectorAll('#bars button')[1].focus()")
        tab.press("Enter", 13)
        tab.wait_for("document.querySelectorAll('#bars button')[1].getAttribute('aria-pressed') === 'true'")
        tab.evaluate("document.getElementById('opacity').focus()")
        tab.press("ArrowLeft", 37)
        assert tab.evaluate("document.getElementById('map').style.opacity") == "0.64"
        assert tab.complaints == []
        tab.drop(tmp_path / "notes.png", 300, 300)
        tab.wait_for("!document.getElementById('problem').hidden")
        assert "not an image that can be read" in read_text(tab, "problem")
        assert {one.split("/")[2] for one in tab.requests if one.startswith("http")} == {f"127.0.0.1:{port}"}
