"""``reenact train``: clips on disk to weights, in steps that can be repeated and resumed.

  reenact train pack       DATA -> PACK                 decode clips, find landmarks
  reenact train label      PACK -> PACK/taught.npy      find landmarks with a better landmarker
  reenact train points     PACK -> OUT/<part>.onnx      a landmark network: face, eye or lips
  reenact train occlusion  PACK -> OUT/occlusion.onnx   the network that marks what is in front of a face
  reenact train teach      PACK -> PACK/teacher.npz     label keypoints with a pretrained detector
  reenact train keypoints  PACK -> OUT                  first stage: the keypoint detector
  reenact train animation  PACK -> OUT                  second stage: motion, encoder, decoder
  reenact train closeups   PACK -> OUT                  last stage: the decoder, on mouths and eyes

Each of the three stages writes ``OUT/model.safetensors`` (averaged weights, for the next stage or ``reenact
export``), ``OUT/state.pt`` (resumes exactly), ``OUT/log.txt`` and, from the second on, ``OUT/grid.jpg``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from reenact.config import FACE_MODEL
from reenact.errors import InvalidOption
from reenact.face.parts import GRAPHS
from reenact.training.animation_stage import AnimationStage, Animator
from reenact.training.checkpoint import Model, load_model
from reenact.training.closeup_stage import CloseUpStage
from reenact.training.cosine_identity_loss import CosineIdentityLoss
from reenact.training.dataset import Pack, pack_clips, unpack_frames
from reenact.training.grid import write_grid
from reenact.training.identity import IdentityLoss
from reenact.training.keypoint_stage import KeypointStage
from reenact.training.landmark_teacher import label_landmarks
from reenact.training.loop import Losses, Run, RunOptions
from reenact.training.losses import PerceptualLoss
from reenact.training.occlusion import train_occlusion
from reenact.training.point_run import train_points
from reenact.training.points_loss import PointsLoss
from reenact.training.run_folder import RunFolder
from reenact.training.sampler import PairSampler
from reenact.training.teacher import label_pack

# Step, learning rate, batch
_STAGES = (
    ("points", 2e-3, 128),
    ("occlusion", 2e-3, 16),
    ("keypoints", 1e-3, 32),
    ("animation", 4e-4, 8),
    ("closeups", 4e-4, 8),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the steps and their options."""
    steps = parser.add_subparsers(dest="step", required=True, metavar="STEP")
    pack = steps.add_parser("pack", help="decode clips and find landmarks")
    pack.add_argument("--data", type=Path, required=True, help="folder with manifest.tsv")
    pack.add_argument("--pack", type=Path, required=True, help="folder to write")
    pack.add_argument("--per-clip", type=int, default=16, help="frames of one clip at most")
    pack.add_argument(
        "--frames-only", action="store_true", help="remake frames.npy beside an existing clips.json"
    )
    label = steps.add_parser("label", help="find landmarks with a better landmarker")
    label.add_argument("--pack", type=Path, required=True)
    label.add_argument("--landmarker", type=Path, required=True, help="MediaPipe's face_landmarker.task")
    teach = steps.add_parser("teach", help="label keypoints with a pretrained detector")
    teach.add_argument("--pack", type=Path, required=True)
    teach.add_argument("--teacher", type=Path, required=True, help="ONNX graph of a FOMM detector")
    for name, rate, batch in _STAGES:
        stage = steps.add_parser(name, help=f"train the {name} networks")
        _add_stage_arguments(stage, rate, batch)
        if name == "points":
            stage.add_argument("--part", choices=GRAPHS, required=True, help="of the face")
        if name in ("animation", "closeups"):
            stage.add_argument("--vgg", type=Path, required=True, help="VGG-19 weights (.npz, Keras layout)")
        if name == "animation":
            stage.add_argument(
                "--identity",
                type=Path,
                help="face recognition weights (dlib_face_recognition_resnet_model_v1.dat)",
            )
            stage.add_argument(
                "--likeness", type=Path, help="a second face recognition network (faceres.json)"
            )


def _add_stage_arguments(stage: argparse.ArgumentParser, rate: float, batch: int) -> None:
    stage.add_argument("--pack", type=Path, required=True)
    stage.add_argument("--out", type=Path, required=True)
    stage.add_argument("--minutes", type=float, required=True, help="wall-clock budget")
    stage.add_argument("--init", type=Path, help="weights to start from (.safetensors; for points .onnx)")
    stage.add_argument("--resume", action="store_true", help="go on from OUT/state.pt, where there is one")
    stage.add_argument("--batch", type=int, default=batch)
    stage.add_argument("--rate", type=float, default=rate, help="highest learning rate")
    stage.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    stage.add_argument("--seed", type=int, default=0)
    stage.add_argument("--compile", action="store_true", help="torch.compile the networks")


def main(arguments: argparse.Namespace) -> int:
    """Run one step; returns the exit code."""
    if arguments.step == "pack":
        if arguments.frames_only:
            unpack_frames(arguments.data, arguments.pack)
        else:
            pack_clips(arguments.data, arguments.pack, per_clip=arguments.per_clip)
    elif arguments.step == "label":
        label_landmarks(arguments.pack, arguments.landmarker)
    elif arguments.step == "teach":
        label_pack(arguments.pack, arguments.teacher)
    else:
        _train(arguments)
    return 0


def _train(arguments: argparse.Namespace) -> None:
    if arguments.minutes <= 0:
        raise InvalidOption("--minutes must be above 0.")
    torch.manual_seed(arguments.seed)
    arguments.out.mkdir(parents=True, exist_ok=True)
    options = RunOptions(
        minutes=arguments.minutes, batch=arguments.batch, rate=arguments.rate, device=arguments.device
    )
    if arguments.step == "points":
        train_points(arguments, options)
        return
    if arguments.step == "occlusion":
        train_occlusion(arguments, options)
        return
    model, history = load_model(arguments.init) if arguments.init else (Model(), {})
    model.to(arguments.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    prepare = {
        "keypoints": _prepare_keypoints,
        "animation": _prepare_animation,
        "closeups": _prepare_closeups,
    }[arguments.step]
    prepare(arguments, options, model, history)


def _prepare_keypoints(
    arguments: argparse.Namespace, options: RunOptions, model: Model, history: dict[str, Any]
) -> None:
    run = Run(model.detector, options)
    teacher = dict(np.load(arguments.pack / "teacher.npz"))
    stage = KeypointStage(
        model.detector,
        Pack(arguments.pack),
        teacher,
        batch=options.batch,
        device=torch.device(options.device),
    )
    _fit(arguments, RunFolder(arguments.out, model, history, run, "detector."), stage)


def _prepare_animation(
    arguments: argparse.Namespace, options: RunOptions, model: Model, history: dict[str, Any]
) -> None:
    device, animator = torch.device(options.device), Animator(model)
    # Trained networks keep their batch norm statistics: a batch's are noisy and do not fit averaged weights.
    animator.train(mode="animation samples" not in history)
    run = Run(animator, options)
    sampler, perceptual = _opened(arguments, options)

    def ready(network: nn.Module) -> nn.Module:
        return torch.compile(network) if arguments.compile else network  # type: ignore[return-value]

    points = PointsLoss(FACE_MODEL).to(device)
    stage = AnimationStage(
        model,
        ready(animator),
        sampler,
        perceptual,
        points,
        batch=options.batch,
        device=device,
        identity=ready(IdentityLoss(arguments.identity).to(device)) if arguments.identity else None,
        likeness=ready(CosineIdentityLoss(arguments.likeness).to(device)) if arguments.likeness else None,
    )
    run_folder = RunFolder(arguments.out, model, history, run, "", lambda path: write_grid(stage, path))
    _fit(arguments, run_folder, stage)


def _prepare_closeups(
    arguments: argparse.Namespace, options: RunOptions, model: Model, history: dict[str, Any]
) -> None:
    sampler, perceptual = _opened(arguments, options)
    device = torch.device(options.device)
    stage = CloseUpStage(model, sampler, perceptual, batch=options.batch, device=device)
    points = PointsLoss(FACE_MODEL).to(device)
    whole = AnimationStage(
        model, Animator(model), sampler, perceptual, points, batch=options.batch, device=device
    )
    run_folder = RunFolder(
        arguments.out,
        model,
        history,
        Run(model.decoder, options),
        "decoder.",
        lambda path: write_grid(whole, path),
    )
    _fit(arguments, run_folder, stage)


def _opened(arguments: argparse.Namespace, options: RunOptions) -> tuple[PairSampler, PerceptualLoss]:
    device = torch.device(options.device)
    perceptual = PerceptualLoss(arguments.vgg).to(device)
    perceptual.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return PairSampler(Pack(arguments.pack), device, on_device=options.on_accelerator), perceptual


def _fit(arguments: argparse.Namespace, run_folder: RunFolder, stage: Callable[[], Losses]) -> None:
    state = arguments.out / "state.pt"
    if arguments.resume and state.is_file():
        run_folder.run.resume(state)
    run_folder.run.fit(stage, run_folder.minute)
    run_folder.save()
