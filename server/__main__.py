"""``reenact-server``: the parts of the service, with settings from the environment.

What the extra ``server`` brings is imported inside, where its absence can be told.
"""

from __future__ import annotations

import argparse
import logging.config
import os
import sys
from dataclasses import replace

from reenact.config import version
from reenact.errors import InputError, SetupError
from reenact.os_errors import is_disk_full, unwritable
from reenact.process import discard_output, open_streams, print_error, run_and_flush

FAILED = 1  # exit status for what cannot be done
USAGE = 2  # for a setting that cannot be used
INTERRUPTED = 130  # for Ctrl+C before there was anything to stop, as shells count it


def main() -> None:
    """Do what the command line asks; serve and worker stay until SIGTERM or Ctrl+C."""
    open_streams()
    try:
        sys.exit(run_and_flush(lambda: _run(_parser().parse_args())))
    except (SetupError, InputError) as e:
        print_error(f"reenact-server: {e}")
        sys.exit(USAGE if isinstance(e, SetupError) else FAILED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # `reenact-server doctor | head`
        discard_output()
    except OSError as e:
        if not is_disk_full(e):
            raise
        discard_output()
        print_error(f"reenact-server: {unwritable('The output', e)}")
        sys.exit(FAILED)
    except ModuleNotFoundError as e:
        if not (missing := _missing(e)):
            raise
        print_error(f"reenact-server: {missing}")
        sys.exit(USAGE)


def _missing(error: ModuleNotFoundError) -> str | None:
    """How to install what the service needs; None where the program itself lacks a part."""
    package = (error.name or "").partition(".")[0]
    if package in ("", "reenact", "server"):
        return None
    return f"The package {package} is not installed. Run: pip install 'reenact[cpu,server]'."


def _parser() -> argparse.ArgumentParser:
    from server.commands import block, keys

    parser = argparse.ArgumentParser("reenact-server", description="Set it up with REENACT_... variables.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {version()}")
    parts = parser.add_subparsers(dest="part", help="default: serve")
    parts.add_parser("serve", help="listen for requests")
    worker = parts.add_parser("worker", help="run jobs for servers that share a broker")
    kinds = "kinds of work that it takes, separated by commas, in place of REENACT_KINDS"
    worker.add_argument("--kinds", metavar="KIND,...", help=kinds)
    keys.add_arguments(parts.add_parser("keys", help="make, list and revoke access keys"))
    block.add_arguments(
        parts.add_parser("block", help="refuse photos of people who asked not to be used"),
        parts.add_parser("consents", help="show the records of consent"),
    )
    parts.add_parser("sweep", help="delete expired files and jobs now")
    parts.add_parser("doctor", help="check the installation and say how to fix problems")
    return parser


def _run(arguments: argparse.Namespace) -> int:
    """Do one part, which is imported only now, and tell the exit status; raises SetupError and InputError."""
    from server.commands import block, keys
    from server.observability import logs
    from server.settings import read

    if arguments.part == "doctor":
        from server.commands import doctor

        return doctor.run(os.environ)
    settings = read(os.environ)
    logging.config.dictConfig(logs.config(settings.log))
    match arguments.part:
        case "keys":
            return keys.run(settings, arguments)
        case "block":
            return block.block(settings, arguments)
        case "consents":
            return block.consents(settings, arguments)
        case "sweep":
            from server.commands import sweep

            return sweep.run(settings)
        case "worker":
            from server.commands import worker

            worker.work(replace(settings, kinds=arguments.kinds or settings.kinds))
        case _:
            from server.commands import serve

            serve.serve(settings)
    return 0


if __name__ == "__main__":
    main()
