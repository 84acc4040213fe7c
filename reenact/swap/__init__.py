"""The selfie's face in the clip.

* ``occlusion.py`` finds what is in front of the clip's face; ``network.py`` is how it was trained (torch).
"""
