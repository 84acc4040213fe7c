"""Jobs: what is asked for, how far it is, and whose turn it is.

order.py       Order: what a client asks for, in values that fit in a database row
job.py         Job: one order and how far it is
service.py     Jobs: all of it, as the routes know it
table.py       the table of jobs, and rows as jobs
repository.py  every question to the table
leases.py      those of an attempt at a job: its claim, its lease, its end
suspects.py    which leases that ran out may be taken
deliveries.py  which ended jobs are still to be told of
admission.py   whether an order may still come
fairness.py    whose turn it is
runner.py      one job from its claim to its end
watching.py    progress of the one who does it, and how that one is stopped
endings.py     how a job can end
deletion.py    a job that nobody wants any more
files.py       what an order has on the disk
broker.py      Redis or RabbitMQ, through Dramatiq
calls.py       wake-ups on their way there
wakeup.py      who is woken when there is work
upkeep.py      what is done every few seconds, so that nothing is forgotten
waiting.py     who waits for a job to change
"""

from server.jobs.files import Files
from server.jobs.job import ENDED, DetectedFace, Failure, Idempotency, Job, Outcome, Status
from server.jobs.order import Order
from server.jobs.repository import JobRepository
from server.jobs.runner import Worker
from server.jobs.service import Jobs

__all__ = [
    "ENDED",
    "DetectedFace",
    "Failure",
    "Files",
    "Idempotency",
    "Job",
    "JobRepository",
    "Jobs",
    "Order",
    "Outcome",
    "Status",
    "Worker",
]
