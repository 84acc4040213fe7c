"""The invisible watermark: an id in every frame that survives re-encoding, scaling and cropping.

The mathematics, with references, is in ``README.md`` beside this file.
"""
