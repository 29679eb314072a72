"""A fake: see README.md."""
