"""What a browser and a program that looks around get: pages without anything from outside, the interface, counters."""

import re

import msgspec
import pytest

from residual.engines.card import ModelCard
from residual.errors import DataError
from residual.serving.page import read_samples
from tests.serving.conftest import BLUE, RED, open_client


@pytest.mark.parametrize("path", ["/", "/docs", "/assets/page.css", "/assets/page.js", "/assets/icon.svg"])
def test_pages_ask_for_nothing_from_outside_and_have_no_script_in_the_text(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    addresses = re.findall(r"https?://[^\s\"'<]+", answer.text)
    assert set(addresses) <= {
        "http://www.w3.org/2000/svg",
        "http://HOST:PORT/predict",
        "http://HOST:PORT/predict?top=3",
    }
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon[a-z]+=\"", answer.text)


def test_names_of_the_network_are_text(engine):
    before: ModelCard = engine.card
    classes = ("<script>alert(1)</script>", '"&amp;', "blue")
    engine.card = msgspec.structs.replace(before, name='x"><img src=y>', classes=classes, source="<b>")
    try:
        with open_client(engine) as client:
            page, docs = client.get("/").text, client.get("/docs").text
            assert client.get("/metrics").status_code == 200
            assert client.get("/v2/models/x%22%3E%3Cimg%20src=y%3E/ready").status_code == 200
    finally:
        engine.card = before
    for text in (page, docs):
        assert "<script>alert" not in text
        assert "<img src=y" not in text
        assert "<b>" not in text


def test_the_page_is_labelled(client):
    page = client.get("/").text
    assert '<html lang="en">' in page
    assert '<label for="opacity">' in page
    assert all("alt=" in image for image in re.findall(r"<img[^>]*>", page))
    assert 'capture="environment"' in page
    assert "Sample images" not in page  # there are none


def test_the_interface_names_the_network_and_every_reference_leads_somewhere(client, engine):
    document = client.get("/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    assert document["components"]["parameters"]["name"]["schema"]["const"] == engine.card.name
    for reference in re.findall(r'"\$ref":\s*"#/([^"]+)"', client.get("/openapi.json").text):
        found = document
        for key in reference.split("/"):
            found = found[key]
    paths = {
        path.replace("{name}", engine.card.name).replace("{version}", "1"): part
        for path, part in document["paths"].items()
    }
    for path, methods in paths.items():
        for method in set(methods) & {"get", "post"}:
            assert client.request(method, path).status_code not in (404, 405), path


def test_a_prefix_that_a_proxy_removes_is_in_the_interface_alone(client_with):
    client = client_with(root_path="/signs")
    assert client.get("/openapi.json").json()["servers"] == [{"url": "/signs"}]
    assert not re.search(r"(?:src|href)=\"/", client.get("/").text)


def test_samples_are_those_of_the_folder(engine, tmp_path):
    (tmp_path / "b.png").write_bytes(RED)
    (tmp_path / "a.jpg").write_bytes(BLUE)
    (tmp_path / "c.png").write_bytes(b"no image")
    (tmp_path / "secret.txt").write_bytes(b"secret")
    (tmp_path / "folder.png").mkdir()
    samples = read_samples(tmp_path)
    assert [(sample.name, sample.kind) for sample in samples] == [("a", "image/jpeg"), ("b", "image/png")]
    with open_client(engine, samples) as client:
        assert "Sample 1: a" in client.get("/").text
        assert client.get("/samples/1").content == RED
        assert client.get("/samples/2").status_code == 404


def test_a_folder_without_images_is_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(DataError, match="must be a folder of images"):
            read_samples(folder)


def test_metrics_count_what_happened(client_with):
    client = client_with()
    client.post("/predict", files=[("image", ("a", RED))] * 3)
    client.post("/predict", content=b"nothing")
    for path in ("/healthz", "/wp-login.php", "/other"):
        client.get(path)
    text = client.get("/metrics")
    assert text.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = dict(line.rsplit(" ", 1) for line in text.text.splitlines() if not line.startswith("#"))
    assert lines['residual_requests_total{path="/predict",status="200"}'] == "1"
    assert lines['residual_requests_total{path="/predict",status="422"}'] == "1"
    assert lines['residual_requests_total{path="other",status="404"}'] == "2"
    assert lines["residual_images_total"] == "3"
    assert lines["residual_request_seconds_count"] == "5"
    assert lines['residual_request_seconds_bucket{le="+Inf"}'] == "5"
    assert lines["residual_queue_images"] == "0"
    assert lines["residual_batch_images_sum"] == "3"


def test_prometheus_s_own_parser_reads_the_metrics(client):
    parser = pytest.importorskip("prometheus_client.parser", reason="pip install prometheus_client")
    client.post("/predict", content=RED)
    families = {
        family.name: family for family in parser.text_string_to_metric_families(client.get("/metrics").text)
    }
    assert families["residual_request_seconds"].type == "histogram"
    assert families["residual_requests"].type == "counter"
    assert families["residual_model_info"].samples[0].labels["name"] == "colours"
