"""Templates to messages, completions to source, reports to words."""
