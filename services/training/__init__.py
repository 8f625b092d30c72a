"""The training service: courses, inductions and awards."""
