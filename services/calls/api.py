"""What the calls service publishes: one line a use case, and the shape of a fact."""

from services.calls.domain import calendars as calendar_rules
from services.calls.domain import clients as client_rules
from services.calls.domain import customers as customer_rules
from services.calls.domain import dispositions as disposition_rules
from services.calls.domain import identities as identity_rules
from services.calls.domain import queues as queue_rules
from services.calls.domain import sources as source_rules
from services.calls.domain import subjects as subject_rules
from services.calls.domain.calendars import AdoptCalendar, CalendarView
from services.calls.domain.clients import ClientView, ConfigureClient
from services.calls.domain.completion import CallCompleted
from services.calls.domain.customers import CustomerView, EraseCustomer, SaveCustomer, UnlinkCustomer
from services.calls.domain.dispositions import CorrectDisposition, Disposed, SetDisposition
from services.calls.domain.facts import canonical
from services.calls.domain.identities import CorrectIdentity, EndIdentity, IdentityView, MapIdentities, MapIdentity
from services.calls.domain.intervals import FigureCorrected, IntervalClosed
from services.calls.domain.queues import ConfigureQueue, QueueView
from services.calls.domain.screen_pops import CallConnected, CallOffered, ScreenPops
from services.calls.domain.sources import ConfigureSource, SourceView
from services.calls.domain.subjects import EraseSubject
from services.calls.domain.vocabulary import fact_schema
from services.calls.queries import (
    AgentReport,
    AgentsOf,
    CalendarList,
    CalendarOf,
    Calendars,
    CallList,
    CallOf,
    Calls,
    CallView,
    ClientList,
    ClientOf,
    Clients,
    CorrectionList,
    Corrections,
    CustomerList,
    CustomerOf,
    Customers,
    DispositionOf,
    DispositionReport,
    DispositionsOf,
    DispositionView,
    Explain,
    Explanation,
    ExportSubject,
    FactList,
    FactsOfCall,
    HoursOf,
    Identities,
    IdentityList,
    IdentityOf,
    Live,
    LiveView,
    OpeningHours,
    QueueOf,
    RepeatedContacts,
    RepeatList,
    ResolutionOf,
    ResolutionReport,
    ServiceLevelOf,
    ServiceLevelReport,
    SourceOf,
    SourcesWithProof,
    SourcesWithProofOf,
    SourceToRead,
    SourceToReadOf,
    SubjectExport,
)
from services.kernel.declarations import Api

__all__ = ["api", "canonical", "fact_schema"]

api = Api("calls")

calendars = api.things(
    "/v1/calendars",
    calendar_rules.decide,
    calendar_rules.evolve,
    calendar_rules.Calendar(),
    id="calendar",
    named=True,
)
calendars.query("GET", "", Calendars, returns=CalendarList, scope="calendars:read", clients=True)
calendars.command("PUT", "/{calendar}", AdoptCalendar, scope="calendars:write", guarded=True)
calendars.query("GET", "/{calendar}/hours", HoursOf, returns=OpeningHours, scope="calendars:read", clients=True)
calendars.shown(
    "/{calendar}", CalendarOf, calendar_rules.view, returns=CalendarView, scope="calendars:read", clients=True
)

clients = api.things(
    "/v1/clients", client_rules.decide, client_rules.evolve, client_rules.Client(), id="client", named=True
)
clients.query("GET", "", Clients, returns=ClientList, scope="clients:read", clients=True)
clients.command("PUT", "/{client}", ConfigureClient, scope="clients:write", guarded=True)
clients.shown("/{client}", ClientOf, client_rules.view, returns=ClientView, scope="clients:read", clients=True)

queues = api.things(
    "/v1/queues",
    queue_rules.decide,
    queue_rules.evolve,
    queue_rules.Queue(),
    id="queue",
    named=True,
    limited_by="queues",
)
queues.command(
    "PUT",
    "/{queue:path}",
    ConfigureQueue,
    scope="queues:write",
    guarded=True,
    names={"calendar": (calendars, "calls.queue.calendar_unknown")},
)
queues.shown("/{queue:path}", QueueOf, queue_rules.view, returns=QueueView, scope="queues:read", clients=True)

sources = api.things(
    "/v1/telephony/sources",
    source_rules.decide,
    source_rules.evolve,
    source_rules.Source(),
    id="source",
    named=True,
    limited_by="sources",
)
sources.command("PUT", "/{source:path}", ConfigureSource, scope="sources:write", guarded=True)
sources.shown("/{source:path}", SourceOf, source_rules.view, returns=SourceView, scope="sources:read")
api.inside(SourceToReadOf, returns=SourceToRead)
api.inside(SourcesWithProofOf, returns=SourcesWithProof)

identities = api.things(
    "/v1/identities",
    identity_rules.decide,
    identity_rules.evolve,
    identity_rules.Identity(),
    id="id",
    identified_by=identity_rules.identity_id,
)
identities.command("POST", "", MapIdentity, scope="identities:write")
identities.bulk("POST", "/bulk", MapIdentities, each=MapIdentity, scope="identities:write")
identities.command("POST", "/{id}/end", EndIdentity, scope="identities:write")
identities.command("POST", "/{id}/correct", CorrectIdentity, scope="identities:write")
identities.shown("/{id}", IdentityOf, identity_rules.view, returns=IdentityView, scope="identities:read")
identities.query("GET", "", Identities, returns=IdentityList, scope="identities:read")

subjects = api.things(
    "/v1/privacy/subjects",
    subject_rules.decide,
    subject_rules.evolve,
    subject_rules.Subject(),
    id="id",
    people=True,
)
subjects.command("POST", "/{id}/erasure", EraseSubject, scope="privacy:erase")
subjects.query("GET", "/{id}/export", ExportSubject, returns=SubjectExport, scope="privacy:export")

customers = api.things(
    "/v1/crm/customers",
    customer_rules.decide,
    customer_rules.evolve,
    customer_rules.Customer(),
    id="customer",
    named=True,
    limited_by="queues",  # whoever sees some queues only sees no customers: those are of the whole centre
)
customers.command("PUT", "/{customer:path}", SaveCustomer, scope="customers:write")
customers.command("DELETE", "/{customer:path}", UnlinkCustomer, scope="customers:write")
customers.command("POST", "/{customer:path}/erase", EraseCustomer, scope="privacy:erase")
customers.shown("/{customer:path}", CustomerOf, customer_rules.view, returns=CustomerView, scope="customers:read")
customers.query("GET", "", Customers, returns=CustomerList, scope="customers:read")

calls = api.things(
    "/v1/calls",
    disposition_rules.decide,
    disposition_rules.evolve,
    Disposed(),
    id="id",
    learn=disposition_rules.learn,
)
calls.command("POST", "/{id}/disposition", SetDisposition, scope="dispositions:write")
calls.command("POST", "/{id}/disposition/correct", CorrectDisposition, scope="dispositions:write")
calls.query("GET", "/{id}/disposition", DispositionOf, returns=DispositionView, scope="calls:read", clients=True)

api.query("GET", "/v1/calls", Calls, returns=CallList, scope="calls:read", clients=True)
api.query("GET", "/v1/calls/{id}", CallOf, returns=CallView, scope="calls:read", clients=True)
api.query("GET", "/v1/calls/{id}/facts", FactsOfCall, returns=FactList, scope="calls:read", clients=True)
api.query(
    "GET", "/v1/reports/service-level", ServiceLevelOf, returns=ServiceLevelReport, scope="reports:read", clients=True
)
api.query("GET", "/v1/reports/explain", Explain, returns=Explanation, scope="reports:read", clients=True)
api.query("GET", "/v1/reports/agents", AgentsOf, returns=AgentReport, scope="agents:read", clients=True)
api.query("GET", "/v1/reports/corrections", Corrections, returns=CorrectionList, scope="reports:read")
api.query(
    "GET", "/v1/reports/dispositions", DispositionsOf, returns=DispositionReport, scope="reports:read", clients=True
)
api.query(
    "GET",
    "/v1/reports/first-contact-resolution",
    ResolutionOf,
    returns=ResolutionReport,
    scope="reports:read",
    clients=True,
)
api.query(
    "GET",
    "/v1/reports/first-contact-resolution/repeats",
    RepeatedContacts,
    returns=RepeatList,
    scope="reports:read",
    clients=True,
)
api.query("GET", "/v1/live", Live, returns=LiveView, scope="live:read", clients=True)

api.publishes(CallCompleted, subject="call", revised=True)
api.publishes(IntervalClosed, FigureCorrected, revised=True)
pops = ScreenPops()
api.announces(CallOffered, fact="call.queued", by=pops.offered, subject="call")
api.announces(CallConnected, fact="call.answered", by=pops.connected, subject="call")
