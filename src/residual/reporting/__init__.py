"""The report of a run: one HTML page that needs nothing else.

judged       what the page is made from: the run's files and, if they can be had, its images and maps
charts       points, ticks and labels of the curves and diagrams
curves       the curves of a training, with titles that state what they show
reliability  the reliability diagrams
answers      which test images are shown: confusions, mistakes, hard ones
repeats      test images that are there more than once, and what they change
pictures     small pictures as data URIs, within a limit
page         all of it as HTML
"""
