"""The animated crop back into the whole picture, at full resolution."""
