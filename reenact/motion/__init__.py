"""How a template moves, and how that movement is carried over to another face."""
