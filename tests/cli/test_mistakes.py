"""A user's mistake is one message and exit code 2; what needs no data is refused before Keras is loaded."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from residual.cli import app
from tests.support.run_folders import right, written


@pytest.fixture(autouse=True)
def project(tmp_path):
    """A folder with photos, and a run that has finished."""
    for label in ("cats", "dogs"):
        for number in range(3):
            place = tmp_path / "photos" / label / f"{number}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8), (number * 40, 0, 90)).save(place)
    (tmp_path / "text.txt").write_text("no data")
    (tmp_path / "empty.h5").touch()
    (tmp_path / "blocks.txt").write_text("def identity_block(): pass")
    (tmp_path / "broken.toml").write_text("epochs = ")
    (tmp_path / "nothing.toml").write_text("epochs = true")
    (tmp_path / "a.keras").write_text("no archive")
    written("first", right=right(9), report={})
    written("stopped", validation=None)
    return tmp_path


# Refused with what is on the disk and in the words alone.
EARLY = [
    (("train", "phtos"), "There is no data called 'phtos': .* Did you mean photos?"),
    (("train", "./phtos/"), "Did you mean photos?"),
    (("train", "sings"), "Did you mean signs?"),
    (("train", "text.txt"), "text.txt is of no kind that can be read"),
    (("train", "digits::label=a"), "digits takes no :: options; got label"),
    (("train", "data.csv::label"), "must be like images=x,labels=y"),
    (("train", "photos", "--name", "a/b"), "--name must be made of letters"),
    (("train", "photos", "--name", ""), "--name must be made of letters"),
    (
        ("train", "photos", "--precision", "half"),
        "--precision must be one of auto, float32, bfloat16; got 'half'",
    ),
    (("train", "photos", "--validation", "1.5"), "--validation must be a share above 0 and below 1"),
    (("train", "photos", "--validation", "nan"), "--validation must be a share above 0 and below 1"),
    (("train", "photos", "--unreadable", "2"), "--unreadable must be a share from 0"),
    (("train", "photos", "--balance", "both"), "--balance must be sample or weights; got 'both'"),
    (("train", "photos", "--budget", "soon"), "--budget must be a time such as"),
    (("train", "photos", "--budget", "5m", "--epochs", "3"), "--epochs and --budget both say how long"),
    (("train", "photos", "--size", "0"), "Invalid value for '--size'"),
    (("train", "photos", "--seed", "-1"), "Invalid value for '--seed'"),
    (("train", "photos", "--recipe", "imges"), "Did you mean images?"),
    (("train", "photos", "--recipe", "gone.toml"), "There is no recipe file gone.toml"),
    (("train", "photos", "--recipe", "broken.toml"), "broken.toml is not a TOML file"),
    (("train", "photos", "--recipe", "nothing.toml"), "nothing.toml: recipe: lacks name, about"),
    (("train", "photos", "--model", "resnet49"), "depth must be 10, 18, 34"),
    (("train", "photos", "--model", "resnet5O"), "Did you mean resnet50 or "),
    (("train", "photos", "--set", "epoch=3"), "recipe: unknown key epoch; did you mean epochs?"),
    (("train", "photos", "--set", "model=resnet49"), "depth must be 10, 18, 34"),
    (("train", "photos", "--set", "epochs"), "--set must be like schedule.peak=0.01; got 'epochs'"),
    (
        ("train", "photos", "--set", "epochs=2", "--epochs", "3"),
        "--set epochs=2 and --epochs 3 contradict each other",
    ),
    (
        ("train", "photos", "--set", "epochs=2", "--budget", "5m"),
        "--set epochs=2 and --budget 5m contradict each",
    ),
    (
        ("train", "photos", "--epoch", "3"),
        "No such option: --epoch. Did you mean --epochs? See residual train --help.",
    ),
    (("train", "photos", "--nosuch"), "No such option: --nosuch. See residual train --help."),
    (("train", "photos", "--size"), "Option '--size' requires an argument"),
    (
        ("train", "photos", "--device", "card"),
        "--device must be auto, cpu, gpu, or gpu:1 for the second one; got 'card'",
    ),
    (("predict", "first", "photos", "--device", "card"), "--device must be auto, cpu, gpu"),
    (
        ("train", "signs", "--data", "photos"),
        "signs is not in photos (--data): train_signs.h5 and test_signs.h5",
    ),
    (("train", "--data", "photos"), "name it as the data itself"),
    (("train", "signs", "--data", "gone"), "There is no folder gone to search for data (--data)"),
    (("train", "--resume", "frist"), "There is no run or model 'frist'. Runs here: first"),
    (("train", "photos", "--resume", "first"), "--resume finishes first as it began: leave out DATA"),
    (("evaluate", "secnd"), "There is no run or model 'secnd'"),
    (("evaluate", "gone.keras"), "There is no model file gone.keras"),
    (("evaluate", "first", "--png", "a.jpg"), "--png must end in .png; got a.jpg"),
    (("evaluate", "first", "--png", "gone/a.png"), "--png: there is no folder gone to write a.png into"),
    (("evaluate", "first", "--data", "phtos"), "Did you mean photos?"),
    (
        ("evaluate", "stopped"),
        "no model.keras: its training was interrupted. Finish it with residual train --resume stopped.",
    ),
    (("evaluate", "stopped", "--data", "photos"), "runs/stopped has no model.keras: its training was"),
    (("predict", "stopped", "photos"), "runs/stopped has no model.keras: its training was interrupted."),
    (("predict", "first", "photos"), "runs/first has no model.keras: the file was removed."),
    (("predict", "secnd", "photos"), "There is no run or model 'secnd'"),
    (("predict", "first", "photos", "--csv", "a.txt"), "--csv must end in .csv; got a.txt"),
    (("predict", "first", "photos", "--top", "0"), "Invalid value for '--top'"),
    (("data", "phtos"), "Did you mean photos?"),
    (("data", "empty.h5"), "empty.h5 "),
    (("audit", "phtos"), "Did you mean photos?"),
    (("audit", "photos", "--html", "a.pdf"), "--html must end in .html or .htm; got a.pdf"),
    (("audit", "photos", "--html", "photos"), "--html must end in .html"),
    (("audit", "photos", "--html", "gone/a.html"), "there is no folder gone"),
    (("summary", "resnet49"), "depth must be 10, 18, 34"),
    (("summary", "gone.keras"), "There is no model file gone.keras"),
    (("summary", "resnet50", "--plot", "a.gif"), "--plot must end in .png or .svg; got a.gif"),
    (("recipes", "sings"), "RECIPE must be one of .* Did you mean signs?"),
    (
        ("runs", "--in", "gone"),
        "There is no folder gone of runs. Name one with --in, or leave it out for ./runs",
    ),
    (("runs", "--in", "gone", "compare", "a", "b"), "There is no folder gone of runs"),
    (("data", ""), "DATA must be the name of a data set or a path; got ''"),
    (("recipes", "a", "b", "c"), "takes at most two names; got 3"),
    (("check", "gone.py"), "There is no file gone.py"),
    (("check", "blocks.txt"), "blocks.txt is neither a .py file nor a notebook"),
    (("convert", "gone.h5"), "There is no file gone.h5"),
    (("convert", "empty.h5", "--output", "a.h5"), "--output must end in .keras; got a.h5"),
    (("runs", "--in", "text.txt"), "The runs in text.txt cannot be listed: Not a directory"),
    (("runs", "compare", "first"), "Name two or more different runs to compare; got first"),
    (("runs", "compare", "first", "gone"), "There is no run or model 'gone'"),
    (("runs", "--in", "runs", "compare", "first", "first"), "two or more different runs"),
    (("list", "resnet50"), "unexpected extra argument"),
    (("recipes", "--all"), "No such option: --all"),
]
# Refused when the model or the image has been looked at.
LATE = [
    (("train", "photos::label=a"), "label must be folder, parent or name; got 'a'"),
    (
        ("train", "photos", "--name", "first"),
        "runs/first was interrupted, and was asked for otherwise: data was",
    ),
    (("predict", "a.keras", "photos"), "a.keras is not a .keras file"),
    (("evaluate", "a.keras"), "--data must say on which images to evaluate a.keras"),
    (("evaluate", "a.keras", "--data", "photos"), "a.keras is not a .keras file"),
    (("summary", "a.keras"), "a.keras is not a .keras file"),
    (("summary", "resnet50", "--input", "8"), "(--input 32)"),
    (("train", "photos", "--model", "resnet50", "--size", "16"), "(--size 32)"),
    (("train", "empty.h5"), "empty.h5 cannot be opened"),
    (("convert", "empty.h5"), "empty.h5"),
    (("convert", "text.txt"), "text.txt"),
]


def check_refused(message: str, code: int, out: str, err: str):
    """One message on standard error; " .* " in it stands for whatever is between."""
    assert code == 2, (out, err)
    pattern = ".*".join(re.escape(part) for part in message.split(" .* "))
    assert re.search(pattern, err), err
    assert err.startswith("residual: ")
    assert (err.count("\n"), out) == (1, "")


@pytest.mark.parametrize(("words", "message"), EARLY + LATE)
def test_a_mistake_is_one_message(words, message):
    result = CliRunner().invoke(app, list(words))
    assert result.exception is None or isinstance(result.exception, SystemExit)
    check_refused(message, result.exit_code, result.stdout, result.stderr)


def test_what_needs_no_data_is_refused_without_keras():
    """All in one process, which must not have loaded Keras at its end."""
    code = (
        "import sys\n"
        "from residual.cli import app\n"
        f"for words in {[words for words, _ in EARLY]!r}:\n"
        "    try: app(list(words))\n"
        "    except SystemExit as end: assert end.code == 2, words\n"
        "    heavy = {'keras', 'tensorflow', 'jax', 'torch', 'matplotlib', 'sklearn'} & set(sys.modules)\n"
        "    assert not heavy, (words, heavy)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_file_beside_is_offered_wherever_it_lies():
    Path("deep").mkdir()
    shutil.copytree("photos", "deep/photos")
    result = CliRunner().invoke(app, ["train", "deep/foto"])
    assert "Did you mean deep/photos?" in result.stderr
    result = CliRunner().invoke(app, ["train", "quite-another"])
    assert "Did you mean" not in result.stderr
