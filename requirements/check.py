"""What would end the set-up, told in a sentence before it begins; nothing but Python is needed.

python requirements/check.py            whether the package index answers
python requirements/check.py --serve    and whether the service could listen, by the environment's settings
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

sys.path.insert(0, str(Path(__file__).parents[1]))

from reenact.errors import SetupError
from reenact.os_errors import reason
from server.commands import ports
from server.settings import read

PYPI = "https://pypi.org/simple"
PLACES = (":env:", "site", "user", "global")  # of pip's settings, the first that has one wins
ANSWER_SECONDS = 5
USAGE = 2


def index() -> str | None:
    """The address that pip installs from, by its own settings; None where it uses folders only."""
    listed = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True)
    if re.search(r"^\S*\.no-index='(1|yes|true|on)'$", listed.stdout, flags=re.MULTILINE | re.IGNORECASE):
        return None
    named = dict(re.findall(r"^(\S*)\.index-url='(.*)'$", listed.stdout, flags=re.MULTILINE))
    return next((named[place] for place in PLACES if place in named), PYPI)


def no_answer(address: str) -> str | None:
    """Why nobody answers there, so far as that is the network's fault; None when somebody does."""
    try:
        urlopen(address.rstrip("/") + "/pip/", timeout=ANSWER_SECONDS).close()
    except (URLError, OSError, ValueError) as e:
        cause = e.reason if isinstance(e, URLError) else e
        unreachable = type(cause) is OSError  # no route to it
        if unreachable or isinstance(cause, ConnectionError | socket.gaierror | TimeoutError):
            return reason(cause)
    return None


def main() -> int:
    """Check what the command line asks for, and tell the exit status."""
    if "--serve" in sys.argv[1:]:
        try:
            settings = read(os.environ)
            if wrong := ports.trouble(settings.host, settings.port):
                raise ports.unusable(settings.host, settings.port, wrong)
        except SetupError as e:
            print(f"reenact-server: {e}", file=sys.stderr)
            return USAGE
    address = index()
    if address and (why := no_answer(address)):
        shown = re.sub(r"//[^/@]*@", "//", address)
        print(
            f"There seems to be no network: {shown} does not answer ({why}). Setting up needs one.",
            file=sys.stderr,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
