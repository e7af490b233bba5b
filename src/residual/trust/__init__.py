"""When to believe a network: its temperature, thresholds for its probabilities, and a distance to what it knows.

Everything here is NumPy on probabilities and features; nothing knows Keras.
"""
