"""The only door: HTTP in, events out."""
