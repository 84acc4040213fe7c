"""The command ``reenact``.

main.py        arguments in, exit code out; every error becomes one line
common.py      options and output that verbs share
inputs.py      standard input and pipes as files; templates by id
result.py      options of a result, and what is said of it
animate.py     animate, reconstruct
swap.py        swap
templates.py   templates list|add|build, portraits list|fetch
verify.py      verify
check.py       doctor, bench
swapped.py     swaps as the evaluation takes them
develop.py     evaluate, train, export, import-checkpoint

A verb imports its engine when it runs: help stays quick, and ``doctor`` works where nothing else does.
"""

from reenact.cli.main import main

__all__ = ["main"]
