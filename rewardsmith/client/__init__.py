"""The service as its clients see it: from Python, and for the command line."""
