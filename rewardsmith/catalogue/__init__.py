"""Finds and loads the data folders: tasks and recipes."""
