"""Business hours as they are asked for and stored, and what they may be. Stores nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, time
from itertools import combinations
from typing import Any

from app.core.errors import InvalidInput
from app.core.texts import ensure_text
from app.schedules.hours import Hours, HoursException, Period, Weekday, collide, overlap

MAX_PERIODS = 10
"""A day."""
MAX_EXCEPTIONS = 200
MAX_EXCEPTION_DAYS = 366


@dataclass(frozen=True, slots=True)
class HoursInput:
    """Weekly hours, or None to have none, and their exceptions."""

    weekly: tuple[tuple[Weekday, Period], ...] | None
    exceptions: tuple[HoursException, ...] = ()

    @classmethod
    def of(cls, stored: Hours | None) -> "HoursInput":
        """Those there are."""
        if stored is None:
            return cls(None)
        weekly = zip(Weekday, stored.weekly, strict=True)
        return cls(tuple((day, period) for day, periods in weekly for period in periods), stored.exceptions)

    def changes_to(self, weekly: Any, exceptions: Any) -> dict[str, Any]:
        """What is stored anew, by column."""
        wanted = {"weekly_hours": self.stored_weekly(), "hours_exceptions": self.stored_exceptions()}
        current = {"weekly_hours": weekly, "hours_exceptions": exceptions}
        return {name: value for name, value in wanted.items() if current[name] != value}

    def stored_weekly(self) -> list[dict[str, str]] | None:
        """As `queues.weekly_hours` has them, in order."""
        if self.weekly is None:
            return None
        days = list(Weekday)
        ordered = sorted(self.weekly, key=lambda one: (days.index(one[0]), one[1]))
        return [{"day": day.value} | _stored(period) for day, period in ordered]

    def stored_exceptions(self) -> list[dict[str, Any]]:
        """As `queues.hours_exceptions` has them, by date."""
        ordered = sorted(self.exceptions, key=lambda one: (one.first_date, one.every_year))
        return [
            {
                "date": one.first_date.isoformat(),
                "last_date": None if one.last_date == one.first_date else one.last_date.isoformat(),
                "every_year": one.every_year,
                "name": one.name,
                "periods": [_stored(period) for period in sorted(one.periods)],
            }
            for one in ordered
        ]


def ensure_hours(wanted: HoursInput) -> None:
    """`InvalidInput` that names what cannot be."""
    if wanted.weekly is None and wanted.exceptions:
        raise InvalidInput("exceptions", "Exceptions are to weekly hours: give `weekly` too, or no exceptions.")
    for day in Weekday:
        _ensure_periods("weekly", day.value.title(), [period for on, period in wanted.weekly or () if on is day])
    if len(wanted.exceptions) > MAX_EXCEPTIONS:
        raise InvalidInput("exceptions", f"At most {MAX_EXCEPTIONS} exceptions; take those away that are over.")
    for one in wanted.exceptions:
        days = (one.last_date - one.first_date).days + 1
        if not 1 <= days <= MAX_EXCEPTION_DAYS:
            raise InvalidInput("exceptions", f"An exception is 1 to {MAX_EXCEPTION_DAYS} days long.")
        if one.name is not None:
            ensure_text("exceptions", one.name, 1, 120)
        _ensure_periods("exceptions", one.first_date.isoformat(), one.periods)
    for one, other in combinations(wanted.exceptions, 2):
        if collide(one, other):
            raise InvalidInput(
                "exceptions",
                f"Two exceptions speak of the same day: {_span(one)} and {_span(other)}.",
            )


def _ensure_periods(field: str, day: str, given: Iterable[Period]) -> None:
    periods = list(given)
    if len(periods) > MAX_PERIODS:
        raise InvalidInput(field, f"{day} has more than {MAX_PERIODS} periods.")
    if any(not _is_plain(moment) for period in periods for moment in period):
        raise InvalidInput(field, "Times are those of the queue's own clock, to the second, without a zone: `09:00`.")
    if overlap(periods):
        raise InvalidInput(field, f"Periods of {day} overlap.")


def _is_plain(moment: time) -> bool:
    return moment.tzinfo is None and moment.microsecond == 0


def _span(one: HoursException) -> str:
    first, last = one.first_date, one.last_date
    return _day(first) if first == last else f"{_day(first)} to {_day(last)}"


def _day(day: date) -> str:
    return day.isoformat()


def _stored(period: Period) -> dict[str, str]:
    return {"opens": period.opens.isoformat(), "closes": period.closes.isoformat()}
