"""``reenact-server`` as a function, for what it prints: a process of its own takes a second to start."""

from __future__ import annotations

import io
import logging.config
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest
from s3fs import S3FileSystem

from server.__main__ import main


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


def command(data: Path, *arguments: str, **environment: str) -> Done:
    """Run a command that ends by itself, with these settings alone. Its log goes to where the tests' goes."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        for name in [name for name in os.environ if name.startswith("REENACT_")]:
            patch.delenv(name)
        for name, value in {"REENACT_DATA": str(data), **environment}.items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", ["reenact-server", *arguments])
        patch.setattr(logging.config, "dictConfig", lambda config: None)
        with pytest.raises(SystemExit) as ended:
            main()
    S3FileSystem.clear_instance_cache()  # or whoever asks next would get the client of these settings
    return Done(int(ended.value.code or 0), out.getvalue(), err.getvalue())
