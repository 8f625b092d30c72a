"""What Plateau must bear: a simulated centre, smaller systems to measure against, and the benches."""
