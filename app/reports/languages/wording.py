"""What a report says in one language, and how numbers, times and dates are written in it. Pure; knows no report."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Language:
    """A language's words and habits.

    - `decimal`, `thousands`: what stands in numbers
    - `date`: of `{day}`, `{month}`, `{month_name}`, `{year}`; `months` are short names from January on
    - `weekdays`: short names from Monday on
    - `words`: by the names of `WORDS`, all of them
    """

    tag: str
    decimal: str
    thousands: str
    date: str
    weekdays: tuple[str, ...]
    percent: str
    minutes: str
    hours: str
    seconds: str
    words: Mapping[str, str]
    months: tuple[str, ...] = ()
    right_to_left: bool = False

    def __getitem__(self, name: str) -> str:
        return self.words[name]

    def number(self, value: float | None, digits: int = 0) -> str:
        """A number; – for none."""
        if value is None:
            return "–"
        written = f"{value:,.{digits}f}"
        return written.translate({ord(","): self.thousands, ord("."): self.decimal})

    def share(self, value: float | None, digits: int = 1) -> str:
        """A part of a whole, from 0 to 1, in percent."""
        return "–" if value is None else self.percent.format(self.number(value * 100, digits))

    def duration(self, seconds: float | None) -> str:
        """A length of time: seconds below a minute, minutes below an hour, else hours and minutes."""
        if seconds is None:
            return "–"
        if seconds < 59.5:
            return self.seconds.format(self.number(seconds))
        minutes = seconds / 60
        if minutes < 9.95:
            return self.minutes.format(self.number(minutes, 1))
        whole = round(minutes)
        return self.minutes.format(whole) if whole < 60 else self.hours.format(whole // 60, f"{whole % 60:02d}")

    def day(self, day: dt.date) -> str:
        """A date."""
        name = self.months[day.month - 1] if self.months else ""
        return self.date.format(day=f"{day.day:02d}", month=f"{day.month:02d}", month_name=name, year=day.year)

    def moment(self, at: dt.datetime) -> str:
        """A date and a time of the day, 24 hours."""
        return f"{self.day(at.date())}, {at:%H:%M}"


WORDS = (
    "report",
    "made_at",
    "period",
    "queues",
    "all_queues",
    "queue",
    "time_zone",
    "compared",
    "no_data",
    "page",
    "summary",
    "waits",
    "volumes",
    "heat_map",
    "service_level",
    "abandonment",
    "per_queue",
    "staff",
    "satisfaction",
    "joined",
    "served",
    "abandoned",
    "no_shows",
    "wait_mean",
    "wait_p50",
    "wait_p90",
    "wait_p95",
    "service_mean",
    "service_p90",
    "level",
    "abandonment_rate",
    "no_show_rate",
    "throughput",
    "occupancy",
    "csat",
    "nps",
    "figure",
    "value",
    "before",
    "position",
    "member",
    "rate",
    "waits_note",
    "volumes_note",
    "heat_map_note",
    "level_note",
    "abandonment_note",
    "minutes_axis",
    "ratings",
    "weekday",
    "hour",
    "subject",
    "mail",
    "mail_link",
    "more_queues",
    "definitions",
)
"""Everything a language says."""
