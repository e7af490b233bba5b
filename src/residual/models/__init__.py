"""Networks: what they are, how they are built, and the file that holds one.

    spec                what a network is, as one value
    zoo                 the table of families: name -> spec
    layer_names         the names of the layers
    layers              convolution, norm and activation with their defaults
    blocks              shortcut(x) + F(x)
    course_blocks       the two blocks of the course
    build               stem -> stages -> head: spec -> keras.Model
    keras_file          the .keras file

`spec`, `zoo` and `layer_names` load no Keras.
"""
