"""Simulators that run in an interpreter of their own, beside the worker."""
