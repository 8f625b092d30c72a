"""What the rules of calls are: pure values and functions, no input or output, no clock, no framework."""
