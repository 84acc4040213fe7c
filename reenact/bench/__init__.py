"""``reenact bench``: what the whole path costs, where, and beside what a user would otherwise run.

whole.py            a new process, and a warm one
stations.py         every station alone
reference_model.py  beside the published vox-256, by turns
scaling.py          more frames, larger sizes, other batches and threads, several jobs, memory
gpu.py              motion and decoder on an NVIDIA GPU
cpu_time.py         time by the clock and by the processor
record.py           the parts one after the other, and their figures as JSON
chart.py            the figures as a picture
"""

from reenact.bench.record import run

__all__ = ["run"]
