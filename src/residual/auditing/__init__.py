"""Looks at every image of a data set before a network does.

scan           one pass: what cannot be read, sizes, digests, and a miniature of each image
similar        pictures that are nearly the same
checks/        one file for each thing that can be wrong
finding        what a check returns
audit          scan, then all checks
report_text    findings in the terminal
report_html    findings as one HTML page
overview       what a data set is, without judging it
"""
