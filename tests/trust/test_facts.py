"""trust.npz: what is written is read back, and a damaged or hostile file is one message."""

import io
import json
import zipfile

import msgspec
import numpy as np
import pytest

from residual.engines.card import ModelCard, parse_card
from residual.errors import RunError
from residual.trust import facts
from residual.trust.distance import fit_feature_space
from residual.trust.facts import NAME, Trust, TrustFacts, load_facts, save_facts
from residual.trust.judge import judge


def make_facts(with_space: bool = True) -> TrustFacts:
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(20, 3)).astype(np.float32), np.arange(20) % 2
    space = fit_feature_space(features, labels)
    confidence = np.linspace(0.5, 1, 40)
    return TrustFacts(
        weights_sha256="ab",
        temperature=0.7,
        confidence=confidence,
        correct=confidence > 0.6,
        space=space if with_space else None,
        distances=np.arange(40.0) if with_space else np.zeros(0),
        features=features if with_space else np.zeros((20, 0)),
        labels=labels,
        images=np.arange(20),
    )


@pytest.mark.parametrize("with_space", [True, False])
def test_what_is_saved_is_loaded(tmp_path, with_space):
    saved = make_facts(with_space)
    save_facts(saved, tmp_path)
    loaded = load_facts(tmp_path)
    assert (loaded.weights_sha256, loaded.temperature) == ("ab", 0.7)
    for name in ("confidence", "correct", "distances", "labels", "images"):
        assert np.allclose(getattr(loaded, name), getattr(saved, name)), name
    assert loaded.features.dtype == np.float16
    if with_space:
        x = np.ones((2, 3), np.float32)
        assert loaded.space.find_distances(x) == pytest.approx(saved.space.find_distances(x))
    else:
        assert loaded.space is loaded.limit is None


def test_a_run_without_facts_has_none(tmp_path):
    assert load_facts(tmp_path) is None


def rewrite(tmp_path, **changes) -> None:
    """trust.npz with other arrays; None leaves one out."""
    save_facts(make_facts(), tmp_path)
    with np.load(tmp_path / NAME) as file:
        arrays = {**{name: file[name] for name in file.files}, **changes}
    np.savez(tmp_path / NAME, **{name: value for name, value in arrays.items() if value is not None})


def as_json(**values) -> np.ndarray:
    return np.frombuffer(json.dumps(values).encode(), np.uint8)


DAMAGE = {
    "an array is missing": {"means": None},
    "a shape does not fit": {"directions": np.ones((5, 3), np.float32)},
    "lengths differ": {"correct": np.ones(3, bool)},
    "a type is wrong": {"labels": np.ones(20, np.float32)},
    "not finite": {"confidence": np.full(40, np.nan, np.float32)},
    "a variance of zero": {"variances": np.zeros(3, np.float32)},
    "no JSON": {"facts": np.frombuffer(b"{", np.uint8)},
    "a key is missing": {"facts": as_json(temperature=1.0)},
    "a temperature of zero": {"facts": as_json(temperature=0, weights_sha256="", rest=1.0)},
    "objects": {"confidence": np.array([{}, []], object)},
}


@pytest.mark.parametrize("changes", DAMAGE.values(), ids=DAMAGE)
def test_damage_is_one_message(tmp_path, changes):
    rewrite(tmp_path, **changes)
    with pytest.raises(RunError, match=r"trust\.npz is damaged: .*Put it back, or remove it"):
        load_facts(tmp_path)


def test_a_file_that_is_cut_off_and_one_that_would_fill_the_memory(tmp_path, monkeypatch):
    save_facts(make_facts(), tmp_path)
    whole = (tmp_path / NAME).read_bytes()
    (tmp_path / NAME).write_bytes(whole[:200])
    with pytest.raises(RunError, match="is damaged"):
        load_facts(tmp_path)
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("means.npy", bytes(facts._MOST_BYTES + 1))
    (tmp_path / NAME).write_bytes(bomb.getvalue())
    with pytest.raises(RunError, match="would unpack to"):
        load_facts(tmp_path)


def test_a_model_card_carries_the_thresholds():
    trust = make_facts().summarize()
    card = ModelCard(
        name="a", network="n", classes=("x", "y"), image_size=(8, 8), precision="fp32", exported_to="onnx", trust=trust
    )  # fmt: skip
    again = parse_card(card.to_json(), "a.onnx").trust
    assert again == trust == msgspec.convert(msgspec.to_builtins(trust), Trust)
    assert again.find_threshold(0.99).precision == 0.99
    assert again.find_threshold(0.97) is None
    assert parse_card(msgspec.structs.replace(card, trust=None).to_json(), "a.onnx").trust is None


def test_verdicts():
    trust = make_facts().summarize()
    threshold = trust.find_threshold(0.95)
    words = judge(np.array([1.0, 0.1, 1.0]), threshold, np.array([1.0, 1.0, 1e6]), trust.limit)
    assert [one.word for one in words] == ["sure", "unsure", "unknown"]
    assert words[0].reason == ""
    assert "its probability 10.0% is below" in words[1].reason
    assert "chosen for a precision of 95%" in words[1].reason
    assert "unlike the training images: its distance is 1000000.0" in words[2].reason
    alone = judge(np.array([0.1]), threshold)
    assert (alone[0].word, alone[0].distance) == ("unsure", None)
    assert judge(np.array([1.0]), threshold, np.array([np.nan]), trust.limit)[0].word == "unknown"
