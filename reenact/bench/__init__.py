"""``reenact bench``: time and memory of the pipeline, by step, and compared with vox-256.

whole.py            the whole pipeline, in a new process and warm
stations.py         every step alone
swap.py             swap: every step, comparison with animate, memory
reference_model.py  compared with the published vox-256, alternating
scaling.py          more frames, larger sizes, other batches and threads, several jobs, memory
gpu.py              motion and decoder on an NVIDIA GPU
cpu_time.py         wall-clock time and CPU time
record.py           runs the parts, writes figures as JSON
chart.py            the figures as a chart
"""

from reenact.bench.record import run

__all__ = ["run"]
