"""What the budget service publishes: one line a use case."""

from services.kernel.declarations import Api

api = Api("budget")
