"""The staff service: people: who is hired, and how they grow into their work."""
