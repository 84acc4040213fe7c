"""Rendering of the face: features of the source are warped and decoded, frame by frame."""
