"""The nouns: frozen records with one line of doc under every field, JSON both ways, and no I/O."""
