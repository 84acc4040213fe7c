"""The HTTP service around `reenact`: routes, jobs and files, no maths.

begins      __main__.py (the command) -> serving.py (listens; listening.py, refusal.py: how) or worker.py
            keys_command.py block_command.py sweep_command.py doctor.py (ports.py)
made of     app.py services.py config.py (alone reads the environment) disk.py certificate.py
            database.py clock.py (the database's) migrations/ (its tables, step by step)
a request   request_id.py body_time.py forms.py cross_origin.py -> api/ web/ -> errors.py problems.py
            -> compress.py request_log.py
who may     keys.py rate.py; addresses.py: of results
a job       jobs/ screening/ storage/; engine.py: in this process, engine_process.py: in another
is told     logs.py metrics.py webhooks.py (outbound.py signature.py)
"""
