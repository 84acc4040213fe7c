"""A rendered face set into a clip's frame as if filmed there.

All work is on a square cut out of the frame and the face rendered in its pose, pixel upon pixel.

* ``mask.py``: where the rendered face replaces the frame.
* ``skin.py``: the skin of a face as smooth fields of brightness and hue.
* ``hair.py``: the selfie's own hair and surroundings kept out of the mask.
* ``colour.py``: colour and light of the rendered face brought to those of the clip's.
* ``detail.py``: blur, sharpness and grain brought to those of the clip.
* ``occlusion.py``: what is in front of the clip's face; ``network.py`` is the network that tells.
* ``blend.py``: the square laid into the whole frame.
"""
