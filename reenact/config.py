"""What ships with the engine and where; the environment is read by the service's config alone."""

import sys
from importlib import metadata
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
DEFAULT_MODEL = PACKAGE / "weights" / "default"
FACE_MODEL = PACKAGE / "weights" / "faces"
TEETH = PACKAGE / "weights" / "teeth"
MOTIONS = PACKAGE.parent / "templates_media" / "motions"
PORTRAITS = PACKAGE.parent / "templates_media" / "portraits"
MORE_PORTRAITS = Path("var") / "portraits"  # seen from where the service runs: fetched ones, and one's own
MORE_MOTIONS = Path("var") / "motions"  # seen from there too: those that were added to the gallery
_USER_DATA = "Library/Application Support" if sys.platform == "darwin" else ".local/share"


def version() -> str:
    """The version of this package; 0 where it is run from a folder that was not installed."""
    try:
        return metadata.version("reenact")
    except metadata.PackageNotFoundError:
        return "0"


def development() -> Path:
    """The folder of one person's development certificate, which signs what the command line makes."""
    return Path("~").expanduser() / _USER_DATA / "reenact" / "credentials"
