"""Faces in a picture: found, measured with 478 points, one chosen, and cut out as the model wants them."""
