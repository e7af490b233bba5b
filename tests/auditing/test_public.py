"""`residual.audit` from Python; findings about whole data sets: odd formats, placeholders, parted pairs."""

import io

import numpy as np
import pytest
from PIL import Image

import residual
from residual.errors import DataError


def scene(seed: int, side: int = 48) -> Image.Image:
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (5, 5, 3), np.uint8))
    smooth = np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC)).astype(int)
    return Image.fromarray((smooth + rng.integers(-8, 9, (side, side, 3))).clip(0, 255).astype(np.uint8))


def fill(top, count: int = 30):
    for label, name in enumerate(("ants", "bees")):
        (top / name).mkdir(parents=True)
        for i in range(count):
            scene(100 * label + i).save(top / name / f"{i}.jpg", quality=90)
    return top


def kinds(found) -> dict[str, int]:
    return {finding.kind: finding.count for finding in found.findings}


def test_audit_from_python(tmp_path):
    top = fill(tmp_path / "photos")
    found = residual.audit(top)
    assert (found.ok, kinds(found)) == (True, {})
    assert repr(found) == f"Audit({str(top)!r}: 60 images, 0 findings, ok=True)"
    text = str(found)
    assert text.startswith(f"data     60 images of 2 classes: class folders, {top}")
    assert text.endswith("verdict  nothing was found that would hurt a result")
    page = found._repr_html_()
    assert page.startswith('<iframe srcdoc="&lt;!doctype html&gt;')
    assert page.count("<") == 2
    with pytest.raises(DataError, match="There is no data called"):
        residual.audit(tmp_path / "nowhere")


def test_a_placeholder_of_an_odd_format(tmp_path):
    top = fill(tmp_path / "photos")
    file = io.BytesIO()
    Image.new("P", (40, 40), 3).save(file, "GIF")
    (top / "ants" / "imageNotFound.gif").write_bytes(file.getvalue())
    (top / "bees" / "7.gif").write_bytes(file.getvalue())
    found = residual.audit(top)
    assert not found.ok
    assert kinds(found)["odd-format"] == 2
    assert kinds(found)["placeholder"] == 2  # the second by its pixels
    finding = next(finding for finding in found.findings if finding.kind == "placeholder")
    assert {found.source.names[i] for case in finding.cases for i in case.images} == {
        "ants/imageNotFound.gif",
        "bees/7.gif",
    }


def test_equal_numbers_of_two_formats_are_not_odd(tmp_path):
    top = fill(tmp_path / "photos")
    for i in range(0, 30, 2):
        image = Image.open(top / "ants" / f"{i}.jpg")
        image.save(top / "ants" / f"{i}.png")
        (top / "ants" / f"{i}.jpg").unlink()
    assert "odd-format" not in kinds(residual.audit(top))


def test_pairs_that_the_hold_out_parts_are_a_leak(tmp_path):
    top = fill(tmp_path / "photos")
    for name, seeds in (("ants", range(30)), ("bees", range(100, 130))):
        for i, seed in enumerate(seeds):
            scene(seed).resize((40, 40), Image.Resampling.BICUBIC).save(
                top / name / f"again{i}.jpg", quality=80
            )
    found = residual.audit(top)
    leak, other = [finding for finding in found.findings if finding.kind == "near-leak"]
    assert leak.hurts
    assert other.hurts
    assert 0 < other.count < 60 - leak.count
    assert other.says.endswith("that the split parts: one to learn from, one to select on")
    assert 0 < leak.count < kinds(found)["near-repeat"] == 60
    assert "pairs of nearly the same images that the split parts" in leak.says
    # A table that gives both one group keeps them together.
    lines = [
        f"{name}/{stem}{i}.jpg,{name},{name}{i}"
        for name in ("ants", "bees")
        for stem in ("", "again")
        for i in range(30)
    ]
    (top / "all.csv").write_text("path,label,group\n" + "\n".join(lines))
    assert "near-leak" not in kinds(residual.audit(top / "all.csv"))
