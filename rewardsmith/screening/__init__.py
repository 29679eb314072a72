"""Gates before training, cheapest first."""
