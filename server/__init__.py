"""The HTTP service around `reenact`: routes, jobs and files, no maths.

__main__.py    the command `reenact-server`; each of its verbs is a module of commands/
app.py         the Flask application, put together
settings.py    everything the environment may set, read here alone
container.py   what one process has, opened once
errors.py      the service's exceptions
codes.py       the stable error codes of the API
disk.py        whether a disk is full

A request goes through http/ to api/ or web/ (the page); access/ says who may ask. An order becomes a job
(jobs/), is screened (screening/), kept in database/ and storage/, and rendered by engine/. webhooks/ tell of
its end, observability/ tells the operator.
"""
