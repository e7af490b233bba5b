"""The curves of a training on a page of this machine, while it trains.

page    what stands on the page, from the run's own files
server  who answers: this machine alone, and whoever knows the address
"""

from residual.reporting.live.server import LivePage

__all__ = ["LivePage"]
