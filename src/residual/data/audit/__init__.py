"""Looks at every image of a data set before a network does.

items       every kind of data as raw images
scan        one pass: what cannot be read, sizes, and a miniature of each image
repeats     images that stand in the data twice, exactly or nearly
suspects    labels that are likely wrong
findings    what of it all is wrong, and what it means
printed     findings in the terminal
page        findings as one HTML page
"""
