"""What all tests share: a quiet Keras, and no data from outside unless a test asks for it."""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import pytest

# Tests of what a terminal shows say themselves how wide it is; otherwise it is a usual one.
os.environ["TERM"] = "xterm-256color"
for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
    os.environ.pop(name, None)

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session", autouse=True)
def usual_ways(tmp_path_factory):
    """Train in float32 and in the usual ways if a test asks for no others: which are faster depends on the load.

    No engine and no report is written at the end, which takes a second: tests of these write theirs.

    Processes that a test starts measure as users do, and keep the answers in a folder of the tests.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setattr("residual.backend.precision.faster_precision", lambda: ("float32", 1.0))
        patch.setattr("residual.backend.choice._gain", lambda shapes, batch_size: 1.0)
        patch.setattr("residual.backend.choice.FASTER", ())
        patch.setattr("residual.runs.folder.RunFolder.wants_engine", False)
        patch.setattr("residual.runs.folder.RunFolder.wants_report", False)
        yield


@pytest.fixture(autouse=True)
def clean_place(tmp_path, monkeypatch):
    """Every test runs in an empty folder of its own, without RESIDUAL_DATA."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RESIDUAL_DATA", raising=False)


@pytest.fixture
def shared_data() -> Path:
    """The folder of real images that the maintainers measure with; skips where it is absent."""
    if not (SHARED / "signs" / "train_signs.h5").is_file():
        pytest.skip("needs the real images in ../shared/data, which do not ship with the project")
    return SHARED
