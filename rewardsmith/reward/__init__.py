"""The reward contract: analyse a source, run it in a locked process, ask it."""
