"""Days that are named by how far away they are: yesterday, last week. Pure; what happened in them is not known here."""

from datetime import date, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from app.analytics import rules
from app.analytics.figures import Period
from app.reports.content import Days

_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)


class RelativePeriod(StrEnum):
    """Days by the present one. Weeks begin on Monday; what has begun ends with the present day."""

    TODAY = "TODAY"
    YESTERDAY = "YESTERDAY"
    THIS_WEEK = "THIS_WEEK"
    LAST_WEEK = "LAST_WEEK"
    LAST_SEVEN_DAYS = "LAST_SEVEN_DAYS"
    THIS_MONTH = "THIS_MONTH"
    LAST_MONTH = "LAST_MONTH"
    LAST_THIRTY_DAYS = "LAST_THIRTY_DAYS"


def days_of(period: RelativePeriod, today: date) -> Days:
    """Which days it is on a day. `LAST_…_DAYS` are whole ones: they end with yesterday."""
    monday, first = today - _DAY * today.weekday(), today.replace(day=1)
    match period:
        case RelativePeriod.TODAY:
            return Days(today, today)
        case RelativePeriod.YESTERDAY:
            return Days(today - _DAY, today - _DAY)
        case RelativePeriod.THIS_WEEK:
            return Days(monday, today)
        case RelativePeriod.LAST_WEEK:
            return Days(monday - _WEEK, monday - _DAY)
        case RelativePeriod.LAST_SEVEN_DAYS:
            return Days(today - _WEEK, today - _DAY)
        case RelativePeriod.THIS_MONTH:
            return Days(first, today)
        case RelativePeriod.LAST_MONTH:
            return Days((first - _DAY).replace(day=1), first - _DAY)
        case RelativePeriod.LAST_THIRTY_DAYS:
            return Days(today - _DAY * 30, today - _DAY)


def days_before(days: Days) -> Days:
    """As many days, right before."""
    length = days.last - days.first + _DAY
    return Days(days.first - length, days.first - _DAY)


def instants(days: Days, zone: ZoneInfo) -> Period:
    """From the first instant of the first day to that of the day behind the last."""
    return Period(rules.midnight(days.first, zone), rules.midnight(days.last + _DAY, zone))
