"""The verb study: its list, its mistakes, and a study from the command to the page."""

import json
import re

import pytest
from typer.testing import CliRunner

from residual import studies
from residual._verbs.study import run_study
from residual.cli import app
from residual.errors import ResidualError
from residual.studies.study import Study
from tests.support.study import make_findings


def study(*words: str):
    done = CliRunner().invoke(app, ["study", *words])
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture
def made(monkeypatch, tmp_path):
    """A study whose figures are made, in an empty folder."""

    def run(context):
        assert context.remember("count", lambda: len(context.data.train)) > 1000
        assert context.seeds == (0, 1)
        return make_findings()

    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(studies.STUDIES, "made", Study("made", "Does it show?", run))
    return tmp_path


def test_without_a_name_every_study_is_listed_with_its_question():
    code, out, _ = study()
    assert code == 0
    for name in ("vanishing", "degradation", "shortcuts", "surgery"):
        assert studies.STUDIES[name].question in out
    assert {row["name"] for row in json.loads(study("--json")[1])} == set(studies.STUDIES)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("vanishign",), "NAME must be one of vanishing, .* Did you mean vanishing?"),
        (("vanishing", "some-run"), "trains its own networks: leave RUN_OR_MODEL out"),
        (("vanishing", "--budget", "soon"), '--budget must be a time such as "90s"'),
        (("vanishing", "--seeds", "0"), "Invalid value for '--seeds'"),
        (("vanishing", "--data", "nowhere"), "nowhere"),
        (("surgery", "no-such-run"), "no-such-run"),
    ],
)
def test_a_mistake_is_one_message_and_exit_code_2(words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = study(*words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert re.search(message, err), err
    assert list(tmp_path.iterdir()) == []


def test_a_study_ends_with_its_sentences_and_its_page(made):
    code, out, err = study("made", "--data", "digits", "--seeds", "2", "--out", "there")
    assert (code, err) == (0, "")
    assert out.endswith("The plain network ends at 2e-06.\nThe residual one ends at 0.2.\nthere/study.html\n")
    page = (made / "there" / "study.html").read_text("utf-8")
    assert "residual study made --budget 5m --data digits --seeds 2" in page
    code, out, err = study("made", "--data", "digits", "--seeds", "2", "--out", "there", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["figures"] == {"plain": 2e-6}
    code, _, err = study("made", "--data", "digits", "--out", "there")
    assert code == 2
    assert "there holds a study of which something else was asked. Choose another --out" in err


def test_the_same_from_python(made):
    result = run_study("made", data="digits", seeds=2, out="there")
    assert result.folder.name == "there"
    assert "residual.run_study('made', data='digits', time_budget='5m', seeds=2)" in (
        result.page.read_text("utf-8").replace("&#39;", "'")
    )
    with pytest.raises(ResidualError, match="seeds must be a whole number from 1 to 20; got True"):
        run_study("made", seeds=True)
