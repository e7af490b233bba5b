"""What watches a training: one file for each callback, named for what it does."""
