"""Packages of the optional extra ``evaluate``, loaded only when a judge needs them."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from reenact.errors import ExtraMissing


def load(module: str) -> ModuleType:
    """Import an optional module by its dotted name.

    Raises:
        ExtraMissing: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise ExtraMissing(
            f"Judging a model needs the package {package}: pip install 'reenact[evaluate]'."
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Discard what native code writes to standard error inside the block.

    MediaPipe and TensorFlow Lite log from C++ before their log level can be set.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
