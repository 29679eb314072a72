"""The loop: compose, write, screen, train, confirm, reflect."""
