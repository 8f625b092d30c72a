"""What the staff service publishes: one line a use case."""

from services.kernel.declarations import Api

api = Api("staff")
