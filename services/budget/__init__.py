"""The budget service: what the centre costs."""
