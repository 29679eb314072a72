"""How a run is shown while it goes on: the plan, then lines or a live table."""
