"""Blending of a rendered face into a clip's frame.

All steps work on a square crop of the frame and a face rendered in its pose, aligned pixel by pixel.

* ``mask.py``: where the rendered face replaces the frame.
* ``skin.py``: the skin of a face as smooth fields of brightness and hue.
* ``hair.py``: the selfie's hair and background removed from the mask.
* ``colour.py``: colour and light of the rendered face matched to the clip's face.
* ``detail.py``: blur, sharpness and grain matched to the clip.
* ``occlusion.py``: mask of what is in front of the clip's face; ``network.py`` is its network.
* ``blend.py``: the square composited into the whole frame.
"""
