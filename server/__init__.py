"""The HTTP service around `reenact`: routes, jobs and files, no maths.

begins      __main__.py (the command) -> serving.py (listens; listening.py, refusal.py: how) or worker.py
            keys_command.py block_command.py sweep_command.py doctor.py (doctor_shared.py
            ports.py)
made of     app.py services.py config.py (alone reads the environment) disk.py breaker.py certificate.py
            database.py postgres.py away.py clock.py (the database's) migrations/ (its tables, step by step)
a request   request_id.py body_time.py forms.py cross_origin.py same_site.py -> api/ web/ -> errors.py
            codes.py problems.py -> compress.py request_log.py
who may     keys.py rate.py; addresses.py: of results
a job       jobs/ screening/ storage/; engine.py: in this process, engine_process.py: in another
is told     logs.py metrics.py webhooks.py (outbound.py signature.py)
"""
