"""Jobs: what is asked for, how far it is, and who does it.

order.py     Order: what a client asks for, in values that fit in a database row
job.py       Job: one order and how far it is
work.py      does one order with the engine
watching.py  what who does it tells of it, and how that one is told to stop
apart.py     has it done in another process, which holds the engine
child.py     that process, as it is seen from outside
files.py     what an order has on the disk
table.py     the table of jobs, and rows as jobs
fairness.py  whose turn it is
records.py   every question to the table
leases.py    those of an attempt at a job: its claim, its lease, its end
suspects.py  which leases that ran out may be taken
deliveries.py  which ended jobs are still to be told of
room.py      whether an order may still come
runner.py    one job from its claim to its end
endings.py   how that can be
deletion.py  a job that nobody wants any more
broker.py    Redis or RabbitMQ, through Dramatiq
calls.py     wake-ups on their way there
crew.py      who is woken when there is work
upkeep.py    what is done every few seconds, so that nothing is forgotten
waiting.py   who waits for a job to change
queue.py     Jobs: all of it, as the routes know it
"""

from server.jobs.apart import ApartWorker
from server.jobs.files import Files
from server.jobs.job import ENDED, Failure, Idempotency, Job, Outcome, SeenFace, Status
from server.jobs.order import Order
from server.jobs.queue import Jobs
from server.jobs.records import Records
from server.jobs.runner import Worker

__all__ = [
    "ENDED",
    "ApartWorker",
    "Failure",
    "Files",
    "Idempotency",
    "Job",
    "Jobs",
    "Order",
    "Outcome",
    "Records",
    "SeenFace",
    "Status",
    "Worker",
]
