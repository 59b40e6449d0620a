"""TensorFlow, started once and in silence, and the precision in which networks are built.

Importing this module imports TensorFlow. Its banners are written by C++ code, some before any log level is read; so the
file descriptor of the errors is turned away for the moment of the import.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

PRECISIONS = ("float32", "float64")


@contextmanager
def silent_errors() -> Iterator[None]:
    """Turn away what is written to the error descriptor while the block lasts; raised errors pass."""
    try:
        sys.stderr.flush()
        kept = os.dup(2)
    except (OSError, ValueError, AttributeError):  # there is none
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _started():
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    with silent_errors():
        import keras
        import tensorflow as tf
    tf.get_logger().setLevel("ERROR")
    return tf, keras


tf, keras = _started()


def threads() -> None:
    """Bound TensorFlow's threads by `ETUDE_THREADS`; what it has once computed with stays."""
    wanted = os.environ.get("ETUDE_THREADS", "")
    if wanted.isdigit() and int(wanted):
        try:
            tf.config.threading.set_intra_op_parallelism_threads(int(wanted))
            tf.config.threading.set_inter_op_parallelism_threads(int(wanted))
        except RuntimeError:  # TensorFlow has started, with the threads of that moment
            pass


threads()


@contextmanager
def precision(name: str) -> Iterator[None]:
    """Build layers in single or in double precision."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def graph(function, input_signature: list):
    """Return a function as a graph that is traced once; what Python decides in it, it decides while tracing."""
    return tf.function(function, input_signature=input_signature, autograph=False)
