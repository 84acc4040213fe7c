"""Evaluation of a model against two baselines on held-out clips: the table of ``design/model.md``.

clips -> methods and baselines -> judges (landmarks, identity, VGG) -> metrics -> Report -> report.html

Needs the extra ``evaluate`` and the judges' weights; the server does not use it.
"""

from reenact.evaluation.baselines import LandmarkWarp, StaticSource
from reenact.evaluation.cross_identity import evaluate_cross_identity
from reenact.evaluation.evaluate import run
from reenact.evaluation.methods import Candidate, CrossMethod, Method, SwapMethod, SwappedFrame
from reenact.evaluation.options import Options
from reenact.evaluation.reconstruction import evaluate_reconstruction
from reenact.evaluation.report import Report, write_report
from reenact.evaluation.swap import evaluate_swap
from reenact.evaluation.swap_run import SwapReport, run_swap
from reenact.evaluation.table import Table

__all__ = [
    "Candidate",
    "CrossMethod",
    "LandmarkWarp",
    "Method",
    "Options",
    "Report",
    "StaticSource",
    "SwapMethod",
    "SwapReport",
    "SwappedFrame",
    "Table",
    "evaluate_cross_identity",
    "evaluate_reconstruction",
    "evaluate_swap",
    "run",
    "run_swap",
    "write_report",
]
