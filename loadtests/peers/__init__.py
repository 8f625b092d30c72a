"""Smaller systems to measure Plateau against, on the same machine, broker and database."""
