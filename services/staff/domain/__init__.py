"""The rules of the staff service: pure, without time, chance or the outside."""
