"""The rules of the budget service: pure, without time, chance or the outside."""
