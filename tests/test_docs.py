"""The pages for people: their links lead somewhere, and the commands that they show exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from residual.cli import app

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "findings/README.md", *ROOT.glob("docs/*.md")]
FENCE = re.compile(r"^```.*?\n(.*?)^```", re.MULTILINE | re.DOTALL)


def find_links(text: str) -> list[str]:
    """The targets of relative links, without what follows a #."""
    targets = re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", text))
    return [target.partition("#")[0] for target in targets if not re.match(r"[a-z]+:|#", target)]


def find_spans(text: str) -> list[str]:
    """The spans of code in the running text, each on one line."""
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", FENCE.sub("", text))]


def find_commands(text: str) -> list[str]:
    """What follows `residual` in blocks and spans of code that begin with it, without comments."""
    lines = [line for block in FENCE.findall(text) for line in block.splitlines()] + find_spans(text)
    found = [re.search(r"(?:^|&& |\$ )residual ([a-z-].*)", line.partition("#")[0]) for line in lines]
    return [match[1].strip() for match in found if match]


def list_options(command) -> set[str]:
    """The options of a verb, --help among them."""
    return {
        option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
    } | {"--help"}


def check_command(words: list[str]) -> list[str]:
    """The words that name no verb, or no option of its verb."""
    command, unknown, before = typer.main.get_command(app), [], ""
    for word in words:
        verbs = getattr(command, "commands", {})
        if word.startswith("--"):
            unknown += [word] if word not in list_options(command) else []
        elif word in verbs:
            command = verbs[word]
        elif verbs and not before.startswith("--"):
            unknown.append(word)
        before = word
    return unknown


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page):
    missing = [link for link in find_links(page.read_text("utf-8")) if not (page.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_exist(page):
    commands = find_commands(page.read_text("utf-8").replace("residual VERB", "residual train"))
    assert [command for command in commands if check_command(command.split())] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_options_exist(page):
    verbs = typer.main.get_command(app).commands
    commands = [*verbs.values(), *verbs["runs"].commands.values()]
    allowed = set().union(*map(list_options, commands))
    options = [span.split()[0] for span in find_spans(page.read_text("utf-8")) if span.startswith("--")]
    assert [option for option in options if option not in allowed] == []


def test_the_readme_links_and_shows_commands():
    text = (ROOT / "README.md").read_text("utf-8")
    assert "docs/data.md" in find_links(text)
    assert {"train", "runs compare A B"} <= set(find_commands(text))


@pytest.mark.parametrize(
    ("command", "unknown"),
    [
        ("train photos/ --budget 25m", []),
        ("runs --in experiments", []),
        ("runs compare A B --json", []),
        ("fly photos/", ["fly"]),
        ("runs compere A B", ["compere"]),
        ("train photos/ --epoch 3", ["--epoch"]),
    ],
)
def test_unknown_verbs_and_options_are_found(command, unknown):
    assert check_command(command.split())[:1] == unknown


def test_the_tables_are_what_the_results_say():
    script = ROOT / "benchmarks" / "tables.py"
    if not script.is_file():
        pytest.skip("the benchmarks are not here")
    subprocess.run([sys.executable, str(script), "--check"], check=True)
