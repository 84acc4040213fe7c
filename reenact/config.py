"""Where the engine finds what ships with it; the environment is read by the service's config alone."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
DEFAULT_MODEL = PACKAGE / "weights" / "default"
FACE_MODEL = PACKAGE / "weights" / "faces"
MOTIONS = PACKAGE.parent / "templates_media" / "motions"
PORTRAITS = PACKAGE.parent / "templates_media" / "portraits"
MORE_PORTRAITS = Path("var") / "portraits"  # seen from where the service runs: fetched ones, and one's own
