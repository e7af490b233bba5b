"""What stands for names that are not here: a package that is not installed, a name that Keras 3 has no more."""


class NoStandIn(AttributeError):
    """A name of old Keras or TensorFlow that has no counterpart here.

    Attributes:
        stand_in: the name, e.g. "tensorflow.contrib.layers".
    """

    def __init__(self, name: str, advice: str):
        super().__init__(f"{name} {advice}")
        self.stand_in = name


class Missing:
    """Stands for what is not installed: every use of it says how to get it.

    Args:
        name: of what is used.
        module: that it comes from.
        error: why the import of an installed module failed.
    """

    def __init__(self, name: str, module: str, error: BaseException | None = None):
        self._name, self._module, self._error = name, module.split(".")[0], error

    def _explain(self) -> ImportError:
        name, module = self._name, self._module
        if self._error is not None:
            return ImportError(f"{name} could not be imported from {module}: {self._error}", name=module)
        return ModuleNotFoundError(f"{name} needs {module}: pip install {module.lower()}.", name=module)

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        raise self._explain()

    def __call__(self, *args, **options):
        raise self._explain()

    def __mro_entries__(self, bases):
        raise self._explain()
