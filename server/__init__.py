"""The HTTP service around `reenact`: routes, jobs and files, no maths."""
