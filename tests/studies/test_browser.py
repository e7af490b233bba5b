"""The page of a study in a browser: the slider by keyboard, both widths, no complaints and no requests."""

import pytest

from residual.studies.page import write_results
from residual.studies.study import Study
from tests.support.browser import find_chromium, open_browser
from tests.support.study import make_context, make_findings

pytestmark = pytest.mark.skipif(find_chromium() is None, reason="there is no Chromium here")

SHOWN = "[...document.querySelectorAll('.frame')].filter(f => !f.hidden).map(f => f.dataset.value).join()"


def test_the_page_works_by_keyboard_on_a_phone_and_on_a_screen(tmp_path):
    study = Study("made", "Does it show?", lambda context: make_findings())
    page = write_results(study, make_context(tmp_path / "s"), make_findings(), "residual study made").page
    with open_browser(find_chromium(), tmp_path / "profile") as tab:
        for width in (400, 1200):
            tab.open(page.as_uri(), width)
            assert tab.evaluate("document.documentElement.scrollWidth") <= width
            assert tab.evaluate(SHOWN) == "0"
            tab.evaluate("document.querySelector('input[type=range]').focus()")
            tab.press("ArrowRight", 39)
            tab.wait_for(f"{SHOWN} === '5'")
            tab.press("End", 35)
            tab.wait_for(f"{SHOWN} === '10'")
            assert tab.evaluate("document.querySelector('output').value") == "10"
        assert tab.complaints == []
        assert {address for address in tab.requests if not address.startswith("data:")} == {page.as_uri()}
