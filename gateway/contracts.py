"""What the services publish, as the gateway offers it."""

from services.budget.api import api as budget
from services.calls.api import api as calls
from services.staff.api import api as staff
from services.training.api import api as training

APIS = (calls, staff, training, budget)
SERVICES = tuple(api.name for api in APIS)
