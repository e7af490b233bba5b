"""One file for each symptom, and one row here.

A file has NAME, THRESHOLD (what must be passed, in words), and `find`, which measures a patient and returns a `Check`,
or raises `Unmeasured` with the reason. The thresholds are those of docs/doctor.md.
"""

from types import ModuleType

from residual.diagnosis.symptoms import (
    dead_relus,
    gradient_flow,
    label_noise,
    overfitting,
    rate_too_high,
    rate_too_low,
    stale_batch_norm,
    underfitting,
)

SYMPTOMS: tuple[ModuleType, ...] = (
    rate_too_high,
    rate_too_low,
    gradient_flow,
    dead_relus,
    stale_batch_norm,
    underfitting,
    overfitting,
    label_noise,
)
