"""Backward slicing of Python source by its syntax tree: what a result depends on, and nothing else."""
