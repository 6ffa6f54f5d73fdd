"""Visits as they were: what a simulation learns from and is held against. Plain values, whoever read them."""

import pickle
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from app.queues.disciplines import WHOLE
from app.simulation.values import CALLED_FATES, Fate


@dataclass(frozen=True, slots=True)
class Record:
    """One visit of the past. Without `fate` it had not ended when it was read."""

    entered_at: datetime
    called_at: datetime | None
    ended_at: datetime | None
    fate: Fate | None
    counter: str | None = None
    priority: int = 0
    multiplier_hundredths: int = WHOLE

    @property
    def waited_seconds(self) -> float | None:
        """To the call, or to the end without one; None while it lasts."""
        until = self.called_at or self.ended_at
        return None if until is None else max((until - self.entered_at).total_seconds(), 0.0)

    @property
    def occupied_seconds(self) -> float | None:
        """From the call to the end; None without either."""
        if self.called_at is None or self.ended_at is None:
            return None
        return max((self.ended_at - self.called_at).total_seconds(), 0.0)

    @property
    def was_called(self) -> bool:
        """Whether a counter, or a place inside, was taken."""
        return self.called_at is not None and self.fate in CALLED_FATES


def waiting(records: Sequence[Record]) -> list[tuple[float, bool]]:
    """Every wait that is known, and whether it ended by the visitor's leaving."""
    return [
        (record.waited_seconds, record.fate is Fate.ABANDONED and record.called_at is None)
        for record in records
        if record.waited_seconds is not None
    ]


def packed(records: Sequence[Record]) -> bytes:
    """Records as they travel: taken apart a portion at a time, so that nobody has to wait for the whole."""
    return pickle.dumps([tuple(getattr(record, name) for name in _NAMES) for record in records])


def unpacked(portions: Iterable[bytes]) -> list[Record]:
    """The records again."""
    return [Record(*values) for portion in portions for values in pickle.loads(portion)]


_NAMES = tuple(field.name for field in fields(Record))
