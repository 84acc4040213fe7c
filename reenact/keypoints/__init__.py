"""Keypoints of a face in its crop: learned keypoints and named landmarks."""
