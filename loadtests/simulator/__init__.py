"""A simulated call centre that gives call facts, queue_log lines, and the truth to hold reports against."""
