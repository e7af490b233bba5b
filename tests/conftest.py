"""What all tests share: a quiet Keras, and no data from outside unless a test asks for it."""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


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


@pytest.fixture(autouse=True)
def float32(monkeypatch):
    """Train in float32 where a test asks for no precision: what the probe chooses depends on the machine's load."""
    monkeypatch.setattr("residual.kernels.precision.faster_precision", lambda: ("float32", 1.0))
