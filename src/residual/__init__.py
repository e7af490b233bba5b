"""Residual networks that train honestly on the machine you have."""
