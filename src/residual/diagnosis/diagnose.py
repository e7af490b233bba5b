"""A run -> what is wrong with it."""

from residual.diagnosis.check import Check, Diagnosis
from residual.diagnosis.patient import Patient, Unmeasured
from residual.diagnosis.symptoms import SYMPTOMS
from residual.errors import DataError, RunError
from residual.runs.folder import name_run


def diagnose(patient: Patient) -> Diagnosis:
    """Look for every symptom. One that cannot be measured is skipped, with the reason.

    Args:
        patient: the run.
    """
    checks: list[Check] = []
    skipped: dict[str, str] = {}
    for symptom in SYMPTOMS:
        try:
            checks.append(symptom.find(patient))
        except (Unmeasured, DataError, RunError) as error:
            skipped[symptom.NAME] = str(error)
    return Diagnosis(name_run(patient.path), tuple(checks), skipped)
