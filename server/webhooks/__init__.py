"""Webhooks that report the end of a job: delivery, and POST requests to untrusted addresses."""
