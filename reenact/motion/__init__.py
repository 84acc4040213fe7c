"""The motion of a template: file format, retiming, smoothing, and transfer to another face."""
