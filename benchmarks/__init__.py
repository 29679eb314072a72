"""What is claimed, each a command that anyone can run; see README.md."""
