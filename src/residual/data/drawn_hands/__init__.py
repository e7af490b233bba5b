"""Rendered hands that show 0 to 5 fingers: the stand-in for the SIGNS photographs.

hands    a whole data set, and one picture
pose     which fingers are up, and where the joints are
paint    limbs and palms on a canvas
scene    wall, shadow and camera
"""
