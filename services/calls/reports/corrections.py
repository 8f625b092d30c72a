"""Corrections of closed hours as they are listed."""

from datetime import datetime

from services.calls.domain.intervals import FigureCorrected
from services.calls.queries import Correction, CorrectionList, Corrections
from services.calls.reports.ranges import backwards
from services.calls.reports.visibility import queues_open_to
from services.kernel import schemas
from services.kernel.database import Cursor
from services.kernel.decider import Rejected, of
from services.kernel.lists import Listing, equal
from services.kernel.projections import answers
from services.kernel.values import Actor

LISTED = Listing(
    "corrections",
    {
        **equal("queue"),
        "from_": "interval_start >= %(from_)s",
        "to": "interval_start < %(to)s",
        "updated_since": "corrected_at >= %(updated_since)s",
        "seen_queues": "queue = ANY(%(seen_queues)s)",
    },
    order={"interval_start": datetime.fromisoformat, "queue": str, "revision": int},
)


class CorrectionReader:
    """Answers with what has moved in closed hours."""

    @answers(Corrections)
    def corrections(self, asked: Corrections, db: Cursor, actor: Actor) -> CorrectionList | Rejected:
        """A page by hour, queue and revision, of the queues that the actor may see."""
        if refused := backwards(asked.from_, asked.to):
            return refused
        wanted = LISTED.wanted(asked)
        seen = queues_open_to(db, actor)
        if seen is not None:
            wanted["seen_queues"] = sorted(seen)
        shown, following = LISTED.page(db, asked, wanted)
        items = tuple(
            of(
                Correction,
                schemas.revive(FigureCorrected, row["told"]),
                id=row["id"],
                revision=row["revision"],
                corrected_at=row["corrected_at"],
            )
            for row in shown
        )
        return CorrectionList(items=items, next=following)
