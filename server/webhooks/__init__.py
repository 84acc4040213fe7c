"""Telling others that a job has ended: delivery, a POST that is safe to make, signatures."""
