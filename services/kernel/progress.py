"""How far all that follows the events of a service is behind them."""

from collections.abc import Sequence
from typing import Any

from services.kernel import relay
from services.kernel.database import Cursor
from services.kernel.declarations import Api
from services.kernel.projections import Projection, lags
from services.kernel.store import held_back_by


def progress(db: Cursor, api: Api, read_models: Sequence[Projection]) -> dict[str, Any]:
    """`lags`: stored events that each read model has yet to apply, as `service.read_model`; `relay`: those that are
    public and not yet confirmed by the broker; `held_back_by`: the process whose open transaction all these readers
    wait for, if there is one.
    """
    named = {f"{api.name}.{model}": lag for model, lag in lags(db, read_models).items()}
    waiting = held_back_by(db)
    return {"lags": named, "relay": relay.lag(db, api), "held_back_by": waiting and waiting._asdict()}
