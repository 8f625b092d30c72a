"""What the gateway must know of sources: how each is read, and which ones a secret guards."""

from services.calls.api import sources
from services.calls.domain.sources import BY_SECRET, Source, SourceSettings
from services.calls.queries import SourcesWithProof, SourcesWithProofOf, SourceToRead, SourceToReadOf
from services.kernel.database import Cursor, uuid_array
from services.kernel.decider import of
from services.kernel.privacy import Keyring, MasterKey
from services.kernel.projections import answers
from services.kernel.things import SEALED, ThingStore
from services.kernel.values import Actor

CONFIGURED = "SELECT source FROM sources"
# A secret stays until another is given, so whether a source has one is seen in its last event.
GUARDED = """SELECT data ->> 'source' FROM (
        SELECT DISTINCT ON (stream_id) data FROM store.events WHERE stream_id = ANY(%s::uuid[])
        ORDER BY stream_id, version DESC) AS last
    WHERE data ->> 'kind' = ANY(%s) AND data ? %s ORDER BY 1"""


class SourceReader:
    """Reads sources for the gateway, the only one who may ask for a secret."""

    def __init__(self, master: MasterKey) -> None:
        self._things = ThingStore(Keyring(master))

    @answers(SourceToReadOf)
    def source(self, query: SourceToReadOf, db: Cursor, _actor: Actor) -> SourceToRead:
        """From the source's own stream, so never behind."""
        source: Source = self._things.load(db, sources, query.source).state
        return of(SourceToRead, source.settings or SourceSettings(), secret=source.proof)

    @answers(SourcesWithProofOf)
    def guarded(self, _query: SourcesWithProofOf, db: Cursor, _actor: Actor) -> SourcesWithProof:
        """Of those that the read model knows."""
        streams = [sources.stream(name) for (name,) in db.execute(CONFIGURED)]
        rows = db.execute(GUARDED, (uuid_array(streams), sorted(BY_SECRET), SEALED))
        return SourcesWithProof(tuple([name for (name,) in rows]))
