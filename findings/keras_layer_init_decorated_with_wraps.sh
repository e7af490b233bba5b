#!/usr/bin/env bash
# Keras 3.15.1: a layer whose `__init__` has an ordinary decorator cannot be made.
#
# Behaviour: `Operation.__new__` records a layer's arguments. It binds them with `inspect.signature`, which looks
# through functools.wraps to the decorated function, and then asks `inspect.getfullargspec` for the names of self and
# *args, which stops at the decorator. So the two may speak of different functions:
# a decorator written `(*args, **kwargs)` has no first argument (IndexError, with functools.wraps and without);
# one written `(self, *args, **kwargs)` works without functools.wraps and raises KeyError: 'args' with it.
#
# Why it matters: decorators that check arguments, log or supply defaults are written in one of these two ways. To
# decorate the constructor of a layer, name self and leave functools.wraps out.
#
# Output seen (2026-11-28, Python 3.11, Linux x86-64, JAX 0.10.2):
#   keras 3.15.1
#   (*args, **kwargs): IndexError; with functools.wraps: IndexError
#   (self, *args, **kwargs): made; with functools.wraps: KeyError
# Exits with 1 if that changes.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install -q keras==3.15.1 jax==0.10.2
cat > "$room/layers.py" <<'PY'
import functools
import os

os.environ["KERAS_BACKEND"] = "jax"
import keras

print(f"keras {keras.__version__}")


def pass_on(function):
    def call(*args, **kwargs):
        return function(*args, **kwargs)

    return call


def pass_on_self(function):
    def call(self, *args, **kwargs):
        return function(self, *args, **kwargs)

    return call


def keep_name(decorate):
    return lambda function: functools.wraps(function)(decorate(function))


def make(decorate) -> str:
    class Scale(keras.layers.Layer):
        @decorate
        def __init__(self, units, **options):
            super().__init__(**options)
            self.units = units

    try:
        return "made" if Scale(3).units == 3 else "made wrong"
    except (IndexError, KeyError) as error:
        return type(error).__name__


seen = [make(one) for plain in (pass_on, pass_on_self) for one in (plain, keep_name(plain))]
print(f"(*args, **kwargs): {seen[0]}; with functools.wraps: {seen[1]}")
print(f"(self, *args, **kwargs): {seen[2]}; with functools.wraps: {seen[3]}")
raise SystemExit(0 if seen == ["IndexError", "IndexError", "made", "KeyError"] else 1)
PY
"$room/venv/bin/python" "$room/layers.py" 2>"$room/err" || { cat "$room/err"; exit 1; }
