"""Labels for the keypoint detector from a pretrained FOMM detector, computed once for a pack."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from reenact.training.dataset import Pack

# In FOMM's grid -1 and 1 are centres of the outer pixels of its 64 x 64 map; in ours their outer edges.
TO_EDGES = 63 / 64


def label_pack(folder: Path, teacher: Path, *, threads: int = 2) -> None:
    """Write ``teacher.npz``: ``points`` (N, 2, K, 2) and ``jacobians`` (N, 2, K, 2, 2), plain and mirrored.

    ``teacher`` is an ONNX graph: ``image`` (1, 3, 256, 256) RGB in [0, 1] -> keypoints, jacobians. A teacher
    is not equivariant to mirroring, so mirrored pictures have their own labels.
    """
    pack = Pack(folder)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    session = onnxruntime.InferenceSession(str(teacher), options, providers=["CPUExecutionProvider"])

    def label(task: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        row, mirrored = divmod(task, 2)
        picture = pack.frames[row, :, ::-1] if mirrored else pack.frames[row]
        image = np.ascontiguousarray(picture.transpose(2, 0, 1)[None], dtype=np.float32) / 255
        points, jacobians = session.run(None, {"image": image})
        return points[0] * TO_EDGES, jacobians[0]

    with ThreadPoolExecutor(threads) as pool:
        labels = list(pool.map(label, range(2 * len(pack))))
    points, jacobians = (np.stack(values) for values in zip(*labels, strict=True))
    np.savez(
        folder / "teacher.npz",
        points=points.reshape(len(pack), 2, *points.shape[1:]),
        jacobians=jacobians.reshape(len(pack), 2, *jacobians.shape[1:]),
    )
