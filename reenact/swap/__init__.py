"""A rendered face set into a clip's frame as if filmed there.

All work is on a square cut out of the frame and the face rendered in its pose, pixel upon pixel.

* ``mask.py``: where the rendered face replaces the frame.
* ``colour.py``: colour and light of the rendered face brought to those of the clip's.
* ``detail.py``: blur, sharpness and grain brought to those of the clip.
"""
