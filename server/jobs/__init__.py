"""Jobs: orders, their progress, and the queue.

order.py       Order: what a client asks for, in values that fit in a database row
job.py         Job: one order and its progress
service.py     Jobs: the interface for the routes
table.py       the table of jobs, and rows as jobs
repository.py  the queries of the table
leases.py      the queries of one attempt at a job: its claim, its lease, its end
suspects.py    which expired leases may be reclaimed
deliveries.py  which webhooks are still to be called
admission.py   whether the queue accepts an order
fairness.py    which job is next
kinds.py       the kinds of work
fleet.py       which workers live, and the kinds that they take
runner.py      one job from its claim to its end
watching.py    progress of an attempt, and its cancellation
endings.py     how an attempt can end
deletion.py    deletes a job
files.py       the files of an order
broker.py      Redis or RabbitMQ, through Dramatiq
calls.py       sends wake-ups to the broker
wakeup.py      wakes a thread when there is work
upkeep.py      periodic maintenance
waiting.py     waits for a job to change
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
