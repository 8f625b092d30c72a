"""The rules of the training service: pure, without time, chance or the outside."""
