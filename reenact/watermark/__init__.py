"""The invisible watermark: an id in every frame that survives re-encoding, scaling and cropping."""
