"""Every error that residual raises on purpose.

ResidualError
├── NetworkError    a network that cannot be built: unknown name, wrong depth, input too small
├── DataError       data that cannot be found or read, or that does not fit the network
├── RecipeError     a recipe that is unknown, malformed or contradicts itself
├── RunError        a run folder that is missing, taken or incomplete
└── ExportRefused   an exported file that answers otherwise than its network

Each message names the argument or file, says what is allowed, what came instead and what to do.
All of them are also `ValueError`s, so that code which only knows Python's own errors still works.
The command line prints the message alone and exits with code 2; with 1 for `ExportRefused`, which is no mistake.
"""

from typing import Any


class ResidualError(ValueError):
    """A mistake that the caller can mend; the message says how."""


class NetworkError(ResidualError):
    """A network that cannot be built."""


class DataError(ResidualError):
    """Data that cannot be found, read or used."""


class RecipeError(ResidualError):
    """A recipe that is unknown or malformed."""


class RunError(ResidualError):
    """A run folder that is missing, taken or incomplete."""


class ExportRefused(ResidualError):
    """An exported file that was removed, because it answers otherwise than its network.

    Attributes:
        certificate: a `residual.exporters.certificate.Certificate` with the figures.
    """

    def __init__(self, message: str, certificate: Any):
        super().__init__(message)
        self.certificate = certificate


class ResidualWarning(UserWarning):
    """Something to know about a result that is given all the same."""
