"""Reports: figures computed from the read models at the moment of asking, so that a correction is right at once."""

from services.calls.reports.agents import AgentReports
from services.calls.reports.alerts import AlertReader
from services.calls.reports.calls import CallReader
from services.calls.reports.corrections import CorrectionReader
from services.calls.reports.customers import CustomerReader
from services.calls.reports.data_quality import DataQuality
from services.calls.reports.dispositions import DispositionReader
from services.calls.reports.explain import Explanations
from services.calls.reports.identities import IdentityReader
from services.calls.reports.live import LiveFloor
from services.calls.reports.opening_hours import OpeningHoursReader
from services.calls.reports.quotas import QuotaReader
from services.calls.reports.report_schedules import ScheduleReader
from services.calls.reports.resolution import ResolutionReader
from services.calls.reports.service_level import ServiceLevelReports
from services.calls.reports.settings import SettingsReader
from services.calls.reports.sources import SourceReader
from services.kernel.privacy import Keyring, MasterKey


def readers(master: MasterKey) -> list[object]:
    """Everything that answers the queries of the calls service."""
    return [
        CallReader(master),
        ServiceLevelReports(),
        Explanations(),
        LiveFloor(),
        AgentReports(),
        SourceReader(master),
        IdentityReader(),
        CorrectionReader(),
        DataQuality(),
        CustomerReader(master),
        OpeningHoursReader(),
        SettingsReader(),
        DispositionReader(master),
        ResolutionReader(),
        QuotaReader(),
        AlertReader(),
        ScheduleReader(Keyring(master)),
    ]
