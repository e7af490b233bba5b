"""`residual.summarize`: what it takes, and how a summary shows itself."""

from pathlib import Path

import pytest

import residual
from residual.errors import NetworkError, RunError
from residual.inspection.summary_text import WIDTH


def test_a_name_takes_the_input_that_its_family_is_made_for():
    summary = residual.summarize("cifar-resnet8")
    assert (summary.input_shapes, summary.rows[-1].output_shape) == (((32, 32, 3),), (10,))
    assert residual.summarize("cifar-resnet8", image_size=16, classes=3).rows[-1].output_shape == (3,)


def test_a_spec_a_model_and_a_file_have_the_same_summary(tmp_path):
    spec = residual.NetworkSpec("mine", (1, 1), (8, 16), stem="cifar", stem_width=8)
    model = residual.build(spec, (32, 32, 3), 10)
    model.save(tmp_path / "mine.keras")
    expected = residual.summarize(spec).to_dict()
    assert residual.summarize(model).to_dict() == expected
    assert residual.summarize(tmp_path / "mine.keras").to_dict() == expected
    assert residual.summarize(str(tmp_path / "mine.keras")).to_dict() == expected


def test_wrong_arguments(tmp_path):
    model = residual.build("cifar-resnet8", (8, 8, 3), 2)
    with pytest.raises(NetworkError, match="cifar-resnet8 has an image size and classes already: leave out"):
        residual.summarize(model, image_size=16)
    with pytest.raises(NetworkError, match="Did you mean"):
        residual.summarize("ressnet50")
    with pytest.raises(NetworkError, match="A network is a name, a NetworkSpec, .* got int"):
        residual.summarize(50)
    with pytest.raises(RunError, match="There is no model file"):
        residual.summarize(Path("nowhere.keras"))


def test_a_summary_is_short_to_show_and_a_table_as_text_and_in_a_notebook():
    summary = residual.summarize("cifar-resnet8")
    assert repr(summary) == (
        "Summary(cifar-resnet8 at 32x32x3: 75.8k parameters (480 not trained), 12.2M multiply-adds, depth 8)"
    )
    lines = str(summary).splitlines()
    assert lines[0] == repr(summary)[len("Summary(") : -1]
    assert max(map(len, lines)) <= WIDTH
    assert any(line.startswith("stage1, 1 block ---") for line in lines)
    assert summary._repr_html_().startswith("<pre")
    assert "stage1, 1 block ---" in summary._repr_html_()


def test_names_are_escaped_in_a_notebook():
    import keras

    image = keras.Input((4, 4, 3))
    model = keras.Model(image, keras.layers.Conv2D(2, 3)(image), name="a<b>")
    assert "a&lt;b&gt; at 4x4x3" in residual.summarize(model)._repr_html_()
