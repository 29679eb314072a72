"""Finds and loads the data folders: tasks, recipes, sandboxes."""
