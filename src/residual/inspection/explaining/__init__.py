"""Where a network looks: heat maps of single images, with the map of a network of shuffled weights as their control."""

from residual.inspection.explaining.explain import check_method, draw_overlays, explain_images
from residual.inspection.explaining.explanation import Explanation
from residual.inspection.explaining.shown import name_files, read_images

__all__ = ["Explanation", "check_method", "draw_overlays", "explain_images", "name_files", "read_images"]
