"""Looking at networks: what they are made of, and their picture."""

from residual.insight.plot import save_plot
from residual.insight.summary import Summary, print_summary, summarize

__all__ = ["Summary", "print_summary", "save_plot", "summarize"]
