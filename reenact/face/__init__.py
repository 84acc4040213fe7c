"""Face detection, 478 landmarks, choice of a face, its crop for the model, shots of a clip."""
