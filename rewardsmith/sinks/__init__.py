"""Where else a run's numbers go: experiment trackers that read its events like every other reader."""
