"""Where a face is in its crop: learned keypoints and named landmarks."""
