"""Thousands of worlds of a task's own MuJoCo model, stepped side by side by MuJoCo Warp."""
