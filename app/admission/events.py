"""Facts about admission tokens. What becomes of the visit is in the log of its queue."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from app.core.events import Event

ADMISSION_USE = "admission_use"


@dataclass(frozen=True, slots=True)
class AdmissionTokenUsed(Event):
    """A site has used a token up, for one order, say. Each use is a history of its own: no line is held for it."""

    type: ClassVar[str] = "ADMISSION_TOKEN_USED"
    session_id: UUID
    number: int
