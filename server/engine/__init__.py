"""Runs the engine in this process, or in a child process whose crash or hang does not affect the server.

worker.py             the engine of this process
process.py            the child process that holds an engine
child_process.py      one such process, as its parent sees it: heartbeat, end
subprocess_worker.py  runs jobs in it, and replaces it if it hangs or dies
work.py               one order, from its files to its outcome
swap.py               a look at a clip before it is tracked; progress of a swap
certificate.py        what signs the results
"""
