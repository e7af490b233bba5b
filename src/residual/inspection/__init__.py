"""Look into networks: the table of their layers with costs, and their diagram."""

from residual.inspection.diagram import save_diagram
from residual.inspection.summary import Summary, summarize
from residual.inspection.summary_text import print_summary

__all__ = ["Summary", "print_summary", "save_diagram", "summarize"]
