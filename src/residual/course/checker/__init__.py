"""The block checker: a learner's residual blocks and networks against the reference, mistakes by name.

    check_file("my_blocks.py")           in a process of its own, with a time limit
    check(identity_block)                here, in a notebook's cell
    print_report(report)

`catalogue.CATALOGUE` is the table of all mistakes that have a name.
"""

from residual.course.checker.catalogue import CATALOGUE
from residual.course.checker.files import check_file
from residual.course.checker.functions import NAMES, check
from residual.course.checker.report import Finding, Report, print_report

__all__ = ["CATALOGUE", "NAMES", "Finding", "Report", "check", "check_file", "print_report"]
