"""Rendering of the face: features of the source are warped and decoded for each frame."""
