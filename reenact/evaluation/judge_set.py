"""All judges of one run, opened from the shared folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from reenact.evaluation.judges import IdentityJudge, LandmarkJudge
from reenact.evaluation.vgg import VggJudge


@dataclass(frozen=True)
class JudgeSet:
    """Judges of landmarks and expression, identity, and texture."""

    landmarks: LandmarkJudge
    identity: IdentityJudge
    vgg: VggJudge

    def __enter__(self) -> JudgeSet:
        """Use as ``with open_judges(shared) as judges``."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the judges that hold threads."""
        self.landmarks.close()


def open_judges(shared: Path) -> JudgeSet:
    """Open the judges from ``evaluation/`` and ``training/`` of the shared folder.

    Raises:
        ExtraMissing: the extra ``evaluate`` is not installed.
        SetupError: a file is missing or broken.
    """
    tools = shared / "evaluation"
    return JudgeSet(
        LandmarkJudge(tools / "face_landmarker.task"),
        IdentityJudge(tools / "mobilefacenet.param", tools / "mobilefacenet.bin"),
        VggJudge(shared / "training" / "vgg19_to_conv4_1.npz"),
    )
