"""Pasting of the animated crop into the whole picture, at full resolution."""
