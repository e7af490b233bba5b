"""The block checker: it compares a learner's blocks and networks with the reference and names each mistake.

    check("my_blocks.py")          a program or a notebook, in a process of its own, with a time limit
    check(identity_block)          here, in a notebook's cell
    print_report(report)

`rules.RULES` is the table of all mistakes that have a name.
"""

from residual.checker.file_check import check_file
from residual.checker.function_check import NAMES, check
from residual.checker.report import Finding, Report, print_report
from residual.checker.rules import RULES

__all__ = ["NAMES", "RULES", "Finding", "Report", "check", "check_file", "print_report"]
