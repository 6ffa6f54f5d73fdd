"""Facts about files, exports and imports. What is in them stands in none."""

from dataclasses import dataclass
from typing import ClassVar

from app.core.events import Event

FILE = "file"


@dataclass(frozen=True, slots=True)
class FileStored(Event):
    """A file can be fetched from now on. `length` in bytes; `personal`: it may say who somebody is."""

    type: ClassVar[str] = "FILE_STORED"
    name: str
    length: int
    personal: bool


@dataclass(frozen=True, slots=True)
class FileDownloaded(Event):
    """Somebody has begun to fetch a file by its link."""

    type: ClassVar[str] = "FILE_DOWNLOADED"
    name: str
