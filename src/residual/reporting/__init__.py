"""The report of a run: one HTML page that needs nothing else.

write        writes the page, when it is asked for and at the end of a training
gather       what the page is made from: from the run's files, its data and its network
repeat       what repeats the training
judged       the run's files and, if they can be had, its images and maps
charts       points, ticks and labels of the curves and diagrams
curves       the curves of a training, with titles that state what they show
reliability  the reliability diagrams
answers      which test images are shown: confusions, mistakes, hard ones
repeats      test images that are there more than once, and what they change
pictures     small pictures as data URIs, within a limit
page         all of it as HTML
"""
