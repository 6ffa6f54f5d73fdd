"""What a report may be, and which of its slots are made, missed or to come. Functions of plain values."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import chain, takewhile
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from app.core.errors import InvalidInput
from app.core.texts import ensure_text
from app.identity import rules as identity
from app.reports.content import ReportSection
from app.reports.schedule import Frequency, Schedule

MAX_REPORTS: Final = 200
MAX_QUEUES: Final = 100
MAX_RECIPIENTS: Final = 50
MAX_PENDING: Final = 5
MAX_SENT_AN_HOUR: Final = 6
"""Of a report, because somebody asks for it: its recipients did not, and each gets every one."""

MAKE_UP_WITHIN: Final = timedelta(hours=12)
"""So late a report that was due is still made: one of the day before is read in the morning, or not at all."""

MOST_TOLD_MISSED: Final = 31
"""Of so many missed slots there are rows, the newest; of a daily report a month."""

_LOCALE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")


@dataclass(frozen=True, slots=True)
class Addressee:
    """Whom a report is sent to: a user or an address, one of the two. Not to be logged."""

    user_id: UUID | None = None
    address: str | None = None
    locale: str | None = None

    def __repr__(self) -> str:
        return f"Addressee({self.user_id or '…'})"


@dataclass(frozen=True, slots=True)
class Due:
    """What becomes of a report whose time has come: the slot that is made, those that were missed, and the next one."""

    made: datetime | None
    missed: tuple[datetime, ...]
    next_at: datetime


def due(schedule: Schedule, first: datetime, now: datetime, zone: ZoneInfo) -> Due:
    """`first` is the oldest slot that nobody has looked at. Only the newest is made, and only if it is not too late."""
    passed = list(takewhile(lambda slot: slot <= now, chain([first], schedule.slots(first, zone))))
    made = passed.pop() if passed and now - passed[-1] <= MAKE_UP_WITHIN else None
    return Due(made, tuple(passed[-MOST_TOLD_MISSED:]), schedule.next(now, zone))


def ensure_name(name: str) -> str:
    """A report's name, on one line: it is a title and a subject."""
    ensure_text("name", name, 1, 120)
    return " ".join(name.split())


def ensure_sections(sections: Sequence[ReportSection]) -> list[str]:
    """At least one, each once, in the order they are wanted in."""
    if not sections or len(set(sections)) != len(sections):
        raise InvalidInput("sections", "Name at least one section, each once.")
    return [each.value for each in sections]


def ensure_locale(field: str, locale: str | None) -> str | None:
    """A language tag, or none."""
    if locale is not None and not _LOCALE.fullmatch(locale):
        raise InvalidInput(field, "Give a BCP 47 language tag, e.g. `en` or `pt-BR`.")
    return locale


def ensure_schedule(schedule: Schedule | None) -> None:
    """`InvalidInput` unless it has what its frequency needs, and nothing else."""
    if schedule is None:
        return
    wants = {Frequency.WEEKLY: "weekday", Frequency.MONTHLY: "monthDay"}.get(schedule.frequency)
    for name, value, most in (("weekday", schedule.weekday, 6), ("monthDay", schedule.month_day, 31)):
        if (value is not None) != (name == wants):
            needs = "needs" if name == wants else "has no"
            raise InvalidInput(f"schedule.{name}", f"A {schedule.frequency} schedule {needs} `{name}`.")
        if value is not None and not (name == "weekday" or 1 <= value <= most):
            raise InvalidInput(f"schedule.{name}", f"`{name}` is from 1 to {most}.")
    if schedule.at.tzinfo is not None or schedule.at != time(schedule.at.hour, schedule.at.minute):
        raise InvalidInput("schedule.timeOfDay", "Give a time of the day in whole minutes, without a zone: `07:30`.")


def ensure_addressees(given: Sequence[Addressee]) -> list[Addressee]:
    """Each a user or an address, and once."""
    if len(given) > MAX_RECIPIENTS:
        raise InvalidInput("recipients", f"At most {MAX_RECIPIENTS} recipients.")
    found: list[Addressee] = []
    for number, each in enumerate(given):
        place = f"recipients.{number}"
        if (each.user_id is None) == (each.address is None):
            raise InvalidInput(place, "Give a user or an address, one of the two.")
        address = None if each.address is None else identity.email(each.address, f"{place}.address")
        locale = ensure_locale(f"{place}.locale", each.locale)
        found.append(Addressee(each.user_id, address, locale))
    if len({(each.user_id, each.address) for each in found}) != len(found):
        raise InvalidInput("recipients", "Name each recipient once.")
    return found
