"""The moved face: features of the source, warped and repainted, frame by frame."""
