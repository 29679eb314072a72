"""The only room that imports a simulator or torch: job in, files out."""
