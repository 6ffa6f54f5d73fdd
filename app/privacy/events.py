"""Facts about what was asked of people's data. Who it is about stands in none of them."""

from dataclasses import dataclass
from typing import ClassVar

from app.core.events import Event

PRIVACY_REQUEST = "privacy_request"
RETENTION = "retention"


@dataclass(frozen=True, slots=True)
class PersonExportRequested(Event):
    type: ClassVar[str] = "PERSON_EXPORT_REQUESTED"


@dataclass(frozen=True, slots=True)
class PersonErasureRequested(Event):
    type: ClassVar[str] = "PERSON_ERASURE_REQUESTED"


@dataclass(frozen=True, slots=True)
class PrivacyRequestDone(Event):
    """`counts`: by step, how many rows it was about."""

    type: ClassVar[str] = "PRIVACY_REQUEST_DONE"
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class PrivacyRequestFailed(Event):
    type: ClassVar[str] = "PRIVACY_REQUEST_FAILED"
    reason: str


@dataclass(frozen=True, slots=True)
class PersonExportDownloaded(Event):
    """Somebody has fetched the file by its link."""

    type: ClassVar[str] = "PERSON_EXPORT_DOWNLOADED"


@dataclass(frozen=True, slots=True)
class RetentionSet(Event):
    """Days as they are from now on; null for ever."""

    type: ClassVar[str] = "RETENTION_SET"
    session_days: int | None
    login_days: int | None
    notification_days: int | None
    origin_days: int | None
