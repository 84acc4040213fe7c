"""A picture that shows the progress of training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from reenact.training.animation_stage import AnimationStage

COLUMNS = 6


@torch.no_grad()
def write_grid(stage: AnimationStage, path: Path) -> None:
    """Rows of source, driving, output and warped source for a fresh batch."""
    source, driving, source_pose, driving_pose = stage.draw()
    with torch.compiler.set_stance("force_eager"):  # no compilation for a batch of six
        out = stage.animator(source, source_pose, driving_pose)
    rows = [source, driving, out.rgb.clamp(0, 1), out.copied]
    grid = torch.cat([torch.cat(list(row[:COLUMNS]), 2) for row in rows], 1)
    pixels = (grid.permute(1, 2, 0).float().cpu().numpy() * 255).astype(np.uint8)
    Image.fromarray(pixels).save(path, quality=85)
