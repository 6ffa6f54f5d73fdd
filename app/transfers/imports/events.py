"""Facts about imports. What was made has events of its own."""

from dataclasses import dataclass
from typing import ClassVar

from app.core.events import Event

IMPORT = "import"


@dataclass(frozen=True, slots=True)
class ImportRequested(Event):
    """Somebody wants to bring a file."""

    type: ClassVar[str] = "IMPORT_REQUESTED"
    kind: str
    format: str
    dry_run: bool


@dataclass(frozen=True, slots=True)
class ImportUploaded(Event):
    """The file is there. `length` in bytes."""

    type: ClassVar[str] = "IMPORT_UPLOADED"
    kind: str
    length: int


@dataclass(frozen=True, slots=True)
class ImportDone(Event):
    """Every row was looked at: so many were made, were there already, or were refused."""

    type: ClassVar[str] = "IMPORT_DONE"
    kind: str
    dry_run: bool
    made: int
    known: int
    refused: int


@dataclass(frozen=True, slots=True)
class ImportFailed(Event):
    """It went no further; what was made before stays."""

    type: ClassVar[str] = "IMPORT_FAILED"
    kind: str
    made: int


@dataclass(frozen=True, slots=True)
class ImportCancelled(Event):
    """Somebody does not want it any more; what was made before stays."""

    type: ClassVar[str] = "IMPORT_CANCELLED"
    kind: str
    made: int
