"""E-mail: alerts to those whom their rule names, and the files of scheduled reports."""
