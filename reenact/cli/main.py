"""Arguments in, exit code out."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Sequence

from reenact.cli import animate, check, develop, swap, templates, verify
from reenact.cli.common import INTERNAL, report_error, show_warnings
from reenact.config import version
from reenact.errors import Cancelled, ExtraMissing, ReenactError
from reenact.os_errors import is_disk_full, unwritable
from reenact.process import (
    Terminated,
    discard_output,
    open_streams,
    print_error,
    run_and_flush,
    terminate_on_signals,
)

EXIT_CODES = """\
exit codes:
  0  done
  1  an internal error; for doctor: something is broken
  2  the command line is wrong, or an option is outside its range
  3  an input (picture, clip, template) cannot be used
  4  the result cannot be written
  5  the installation is incomplete or broken (model, provider, missing extra)
  130  stopped with Ctrl-C; 143 or 129: by SIGTERM or SIGHUP; nothing was written
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. ``argv`` without the program's name; None: this process's.

    Raises:
        SystemExit: from argparse, with 0 after ``--help`` and 2 after a wrong command line.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    open_streams()
    show_warnings()
    try:
        with terminate_on_signals():
            return run_and_flush(lambda: _run(words))
    except KeyboardInterrupt:
        return _fail(Cancelled("Stopped; nothing was written."), debug)
    except Terminated as signal:
        return signal.status
    except BrokenPipeError:  # `reenact templates list | head`
        discard_output()
        return 0
    except ReenactError as error:
        return _fail(error, debug)
    except OSError as error:
        return _fail(_full(error) if is_disk_full(error) else error, debug)
    except ModuleNotFoundError as error:
        return _fail(_missing(error), debug)
    except Exception as error:
        return _fail(error, debug)


def _run(words: list[str]) -> int:
    arguments = parser_for(words).parse_args(words)
    code: int = arguments.run(arguments)
    return code


def parser_for(words: Sequence[str]) -> argparse.ArgumentParser:
    """The parser for a command line.

    Raises:
        ExtraMissing: the verb among ``words`` needs packages that are not installed.
    """
    parser = argparse.ArgumentParser(
        prog="reenact",
        description="Make the face of one picture move like a template, or put it into a clip.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {version()}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    animate.register(verbs)
    swap.register(verbs)
    templates.register(verbs)
    verify.register(verbs)
    check.register(verbs)
    develop.register(verbs, wanted=next((word for word in words if not word.startswith("-")), ""))
    return parser


def _fail(error: Exception, debug: bool) -> int:
    """Print an error as one line on stderr; with ``debug`` its traceback too."""
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, ReenactError):
        return report_error(error)
    summary = " ".join(f"{type(error).__name__}: {error}".split())
    print_error(f"error[internal]: {summary}. This is a bug in reenact; --debug shows the traceback.")
    return INTERNAL


def _full(error: OSError) -> ReenactError:
    """A full disk, where no verb has a name for what it wrote: standard output, a file of training."""
    discard_output()
    return unwritable(f"The file {error.filename}" if error.filename else "A file or the output", error)


def _missing(error: ModuleNotFoundError) -> Exception:
    """A package that is not installed, as an error that says how to install it; our own stays a fault."""
    package = (error.name or "").partition(".")[0]
    if package == "onnxruntime":
        return ExtraMissing(
            "No runtime is installed. Install one: pip install 'reenact[cpu]' or 'reenact[gpu]'."
        )
    if package in ("", "reenact"):
        return error
    return ExtraMissing(f"The package {package} is not installed. Run: pip install 'reenact[cpu]'.")
