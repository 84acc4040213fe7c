"""Who renders: the engine in this process, or in a child process that may hang or die alone.

worker.py             the engine of this process, warmed
process.py            the child process that holds an engine
child_process.py      one such process, seen from outside: its pulse, its end
subprocess_worker.py  has jobs done in it, and replaces it when it hangs or dies
work.py               one order, from its files to its outcome
certificate.py        what signs the results
"""
