"""What all tests share: a quiet Keras, and no data from outside unless a test asks for it."""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def cache_home(tmp_path_factory) -> Path:
    """The user's cache folder for all tests of a process."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def clean_place(tmp_path, monkeypatch, cache_home):
    """Every test runs in an empty folder of its own, without RESIDUAL_DATA, and leaves the user's cache alone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache_home))
    monkeypatch.delenv("RESIDUAL_DATA", raising=False)


@pytest.fixture
def shared_data() -> Path:
    """The folder of real images that the maintainers measure with; skips where it is absent."""
    if not (SHARED / "signs" / "train_signs.h5").is_file():
        pytest.skip("needs the real images in ../shared/data, which do not ship with the project")
    return SHARED


@pytest.fixture(autouse=True)
def usual_ways(monkeypatch):
    """Train in float32 and in the usual ways if a test asks for no others: which are faster depends on the load."""
    monkeypatch.setattr("residual.kernels.precision.faster_precision", lambda: ("float32", 1.0))
    monkeypatch.setattr("residual.kernels.choice._gain", lambda shapes, batch_size: 1.0)
    monkeypatch.setattr("residual.kernels.choice.FASTER", ())
