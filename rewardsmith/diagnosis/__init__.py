"""Whether `evolve` would start here and now, what is lacking, and what to do about it."""
