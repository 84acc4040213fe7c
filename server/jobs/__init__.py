"""Jobs: what is asked for, how far it is, and who does it.

order.py    Order: what a client asks for, in values that fit in a database row
job.py      Job: one order and how far it is; Jobs: the interface that the routes know
work.py     does one order with the engine
memory.py   today's Jobs: a queue in this process and one thread
"""

from server.jobs.job import Failure, Job, Jobs, Outcome
from server.jobs.memory import MemoryJobs
from server.jobs.order import Order
from server.jobs.work import Worker

__all__ = ["Failure", "Job", "Jobs", "MemoryJobs", "Order", "Outcome", "Worker"]
