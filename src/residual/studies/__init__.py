"""See why: a study trains or probes real networks, and writes what it found on one page.

study     what a study is, and what it finds
context   images, seeds, time, and the folder that makes a study resumable
drawing   a chart as shapes, with its numbers; plots makes them, render writes SVG and PNG
spread    several seeds of one figure
page      the folder of results: page, tables, pictures

A new study is one file and one row here.
"""

from residual.studies.batch_norm import BATCH_NORM
from residual.studies.degradation import DEGRADATION
from residual.studies.shortcuts import SHORTCUTS
from residual.studies.study import Study
from residual.studies.surgery import SURGERY
from residual.studies.vanishing import VANISHING

STUDIES: dict[str, Study] = {
    one.name: one for one in (VANISHING, DEGRADATION, SHORTCUTS, SURGERY, BATCH_NORM)
}
