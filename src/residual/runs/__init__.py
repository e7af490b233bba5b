"""A run on disk: its folder, its record, its checkpoints, and the list of all runs.

No array library is loaded to list runs.
"""
