"""Model folders: ``.onnx`` files and ``files.json``, which holds their SHA-256."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

from reenact.errors import WeightsBroken


class ModelFolder:
    """A folder of graphs whose hashes are checked before any is loaded."""

    def __init__(self, folder: Path) -> None:
        """Read the list of hashes; raises WeightsBroken where there is none."""
        self.folder = folder
        try:
            listed = (folder / "files.json").read_bytes()
            self.hashes: dict[str, str] = dict(json.loads(listed))
        except (OSError, ValueError, TypeError) as error:
            raise WeightsBroken(
                f"{folder} is not a model folder: files.json is missing or unreadable. Reinstall the "
                "package, or write a model with `reenact export`."
            ) from error
        self.digest = sha256(listed).hexdigest()  # of the list, and so of all that is in it

    def path(self, name: str) -> Path:
        """The checked file of a graph, for instance ``keypoints``.

        Raises:
            WeightsBroken: missing, or its SHA-256 is not the listed one.
        """
        path = self.folder / f"{name}.onnx"
        expected = self.hashes.get(path.name)
        if expected is None or not path.is_file():
            raise WeightsBroken(f"The model in {self.folder} has no {path.name}.")
        if sha256(path.read_bytes()).hexdigest() != expected:
            raise WeightsBroken(f"{path} is damaged or was changed: its SHA-256 differs from files.json.")
        return path

    def has(self, name: str) -> bool:
        """Whether the model is said to have a graph of this name."""
        return f"{name}.onnx" in self.hashes

    def hash(self, name: str) -> str:
        """SHA-256 of a graph as listed."""
        return self.hashes[f"{name}.onnx"]


def write_hashes(folder: Path) -> None:
    """List every ``.onnx`` file of ``folder`` with its SHA-256 in ``files.json``."""
    hashes = {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("*.onnx"))}
    (folder / "files.json").write_text(json.dumps(hashes, indent=1) + "\n")
