"""Sources as they are listed; and for the gateway how each is read, and which ones a secret guards."""

from services.calls.api import sources
from services.calls.domain.sources import BY_SECRET, Source, SourceSettings, view
from services.calls.queries import (
    SourceList,
    Sources,
    SourcesWithProof,
    SourcesWithProofOf,
    SourceToRead,
    SourceToReadOf,
)
from services.kernel.database import Cursor, uuid_array
from services.kernel.decider import of
from services.kernel.lists import Listing
from services.kernel.privacy import Keyring, MasterKey
from services.kernel.projections import answers
from services.kernel.things import SEALED, ThingStore
from services.kernel.values import Actor

CONFIGURED = "SELECT source FROM sources"
SOURCES = Listing("sources", {"seen": "source = ANY(%(seen)s)"}, order={"source": str})
# A secret stays until another is given, so whether a source has one is seen in its last event.
GUARDED = """SELECT data ->> 'source' FROM (
        SELECT DISTINCT ON (stream_id) data FROM store.events WHERE stream_id = ANY(%s::uuid[])
        ORDER BY stream_id, version DESC) AS last
    WHERE data ->> 'kind' = ANY(%s) AND data ? %s ORDER BY 1"""


class SourceReader:
    """Reads sources from their own streams; the gateway alone may ask for a secret."""

    def __init__(self, master: MasterKey) -> None:
        self._things = ThingStore(Keyring(master))

    @answers(Sources)
    def sources(self, asked: Sources, db: Cursor, actor: Actor) -> SourceList:
        """A page of those that the actor may know of, by name."""
        rows, following = SOURCES.page(db, asked, {} if actor.sources is None else {"seen": sorted(actor.sources)})
        names = [row["source"] for row in rows]
        return SourceList(tuple([view(name, self._source(db, name)) for name in names]), following)

    @answers(SourceToReadOf)
    def source(self, query: SourceToReadOf, db: Cursor, _actor: Actor) -> SourceToRead:
        """From the source's own stream, so never behind."""
        source = self._source(db, query.source)
        return of(SourceToRead, source.settings or SourceSettings(), secret=source.proof)

    @answers(SourcesWithProofOf)
    def guarded(self, _query: SourcesWithProofOf, db: Cursor, _actor: Actor) -> SourcesWithProof:
        """Of those that the read model knows."""
        streams = [sources.stream(name) for (name,) in db.execute(CONFIGURED)]
        rows = db.execute(GUARDED, (uuid_array(streams), sorted(BY_SECRET), SEALED))
        return SourcesWithProof(tuple([name for (name,) in rows]))

    def _source(self, db: Cursor, name: str) -> Source:
        source: Source = self._things.load(db, sources, name).state
        return source
