"""Events and artifacts."""
