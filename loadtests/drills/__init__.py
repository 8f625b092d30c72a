"""`make drill`: every part is broken in turn under load, and what was accepted is counted afterwards."""
