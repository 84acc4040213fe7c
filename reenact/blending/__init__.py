"""Putting a rendered face over the face of a clip's frame.

mask        which part of the rendered square replaces the frame
colour      its colour and light brought to those of the clip's face
blend       a square and its mask, laid into a whole frame
"""
