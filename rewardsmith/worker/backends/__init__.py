"""Simulators: how a task becomes environments."""
