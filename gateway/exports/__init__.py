"""Files of what a question answers: its rows as CSV or as a spreadsheet."""
