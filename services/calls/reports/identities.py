"""Outside names as they are listed."""

from services.calls.queries import Identities, IdentityItem, IdentityList
from services.kernel.database import Cursor
from services.kernel.lists import Listing, equal, viewed
from services.kernel.projections import answers
from services.kernel.values import Actor

LISTED = Listing(
    "identities",
    {
        **equal("system", "kind", "external_id", "internal_id"),
        "updated_since": "updated_at >= %(updated_since)s",
        "seen_systems": "system = ANY(%(seen_systems)s)",
    },
    order={"system": str, "kind": str, "external_id": str, "number": int},
)


class IdentityReader:
    """Answers with who outside names stand for."""

    @answers(Identities)
    def identities(self, asked: Identities, db: Cursor, actor: Actor) -> IdentityList:
        """A page by system, kind, outside name and time; whoever is limited to sources sees the names of these."""
        wanted = LISTED.wanted(asked)
        if actor.sources is not None:
            wanted["seen_systems"] = sorted(actor.sources)
        shown, following = LISTED.page(db, asked, wanted)
        return IdentityList(items=tuple(viewed(IdentityItem, row) for row in shown), next=following)
