"""The Slurm script and the Kubernetes manifest of docs/cluster: they parse, and say what the training needs."""

import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "cluster"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the documentation is not here")


@pytest.fixture(scope="module")
def manifest() -> dict[str, dict]:
    yaml = pytest.importorskip("yaml")
    return {
        part["kind"]: part for part in yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text("utf-8"))
    }


def test_each_process_of_the_job_knows_its_number_and_the_first(manifest):
    service, job = manifest["Service"], manifest["Job"]["spec"]
    pod = job["template"]["spec"]
    container = pod["containers"][0]
    options = dict(word.removeprefix("--").split("=", 1) for word in container["args"])
    name = manifest["Job"]["metadata"]["name"]
    assert job["completionMode"] == "Indexed"
    assert job["completions"] == job["parallelism"] == int(options["processes"])
    assert options["process-id"] == "$(JOB_COMPLETION_INDEX)"
    assert "JOB_COMPLETION_INDEX" in [variable["name"] for variable in container["env"]]
    port = service["spec"]["ports"][0]["port"]
    assert options["coordinator"] == f"{name}-0.{pod['subdomain']}:{port}"
    assert port in [held["containerPort"] for held in container["ports"]]


def test_the_service_is_headless_and_finds_pods_that_are_not_ready(manifest):
    service, job = manifest["Service"], manifest["Job"]
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["publishNotReadyAddresses"] is True
    assert service["spec"]["selector"] == {"batch.kubernetes.io/job-name": job["metadata"]["name"]}
    assert service["metadata"]["name"] == job["spec"]["template"]["spec"]["subdomain"]


def test_what_is_mounted_is_there_and_a_run_goes_on(manifest):
    pod = manifest["Job"]["spec"]["template"]["spec"]
    assert {mount["name"] for mount in pod["containers"][0]["volumeMounts"]} == {
        v["name"] for v in pod["volumes"]
    }
    assert any(word.startswith("--name=") for word in pod["containers"][0]["args"])
    assert pod["restartPolicy"] == "OnFailure"
    assert pod["terminationGracePeriodSeconds"] >= 60


def test_the_slurm_script_parses_and_is_queued_again():
    script = FOLDER / "train.sbatch"
    text = script.read_text("utf-8")
    if shutil.which("bash"):
        subprocess.run(["bash", "-n", str(script)], check=True)
    asked = dict(
        line.split()[1].removeprefix("--").partition("=")[::2]
        for line in text.splitlines()
        if "#SBATCH" in line
    )
    assert {"requeue", "signal", "open-mode"} <= set(asked)
    assert asked["ntasks-per-node"] == asked["gpus-per-node"]
    assert "--name" in text
    assert 'if [ "$code" -eq 143 ]' in text
