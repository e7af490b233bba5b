"""Every error that residual raises on purpose.

ResidualError
├── NetworkError    a network that cannot be built: unknown name, wrong depth, input too small
├── DataError       data that cannot be found or read, or that does not fit the network
├── RecipeError     a recipe that is unknown, malformed or contradicts itself
└── RunError        a run folder that is missing, taken or incomplete

Each message names the argument or file, says what is allowed, what came instead and what to do.
All of them are also `ValueError`s, so that code which only knows Python's own errors still works.
The command line prints the message alone and exits with code 2.
"""


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


class ResidualWarning(UserWarning):
    """Something to know about a result that is given all the same."""
