"""Looking at a network: what it is made of, layer by layer, and a picture of it."""
