"""A fake: see README.md."""

__version__ = "fake"
