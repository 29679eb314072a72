"""Who becomes a parent: one small file per policy, by the name that a recipe gives."""
