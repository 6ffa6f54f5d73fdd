"""How good what was said has been: losses, bias and coverage of a period, and a sentence for people. Pure.

Works on sums by length of wait, so that a year costs what a day costs. Who left is not taken to have waited only so
long: whoever was served after as long stands for them too (Kaplan–Meier), as in `app/estimates/staying.py`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from app.estimates.staying import CELLS, MOST_WEIGHT


@dataclass(frozen=True, slots=True)
class Cell:
    """Sums over the samples of a period whose waits were about as long (`staying.cell_of`), each by its weight.

    The last six are of those served who had been told something.
    """

    cell: int
    left: float
    served: float
    told: float
    samples: int
    """Of those served who had been told something, as rows."""
    absolute: float
    signed: float
    pinball_p50: float
    pinball_p90: float
    within_p50: float
    within_p90: float


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds, and shares from 0 to 1."""

    mean_absolute_error_seconds: float
    bias_seconds: float
    pinball_p50_seconds: float
    pinball_p90_seconds: float
    within_p50: float
    within_p90: float


def served_only(cells: Sequence[Cell]) -> Figures | None:
    """Of those who were called; None if nobody was."""
    return _figures(cells)


def weighted(cells: Sequence[Cell]) -> Figures | None:
    """The same, each standing for those who left before: as if everybody had stayed."""
    by_cell = {one.cell: one for one in cells}
    risk = sum(one.left + one.served for one in cells)
    staying, standing = 1.0, []
    for number in range(CELLS):
        one = by_cell.get(number)
        if one is None:
            continue
        standing.append(_times(one, 1.0 / max(staying, 1.0 / MOST_WEIGHT)))
        at_risk = risk - one.served / 2
        staying *= 1.0 - (min(one.left / at_risk, 1.0) if at_risk > 0 else 0.0)
        risk -= one.left + one.served
    return _figures(standing)


def _times(one: Cell, weight: float) -> Cell:
    return replace(
        one,
        told=one.told * weight,
        absolute=one.absolute * weight,
        signed=one.signed * weight,
        pinball_p50=one.pinball_p50 * weight,
        pinball_p90=one.pinball_p90 * weight,
        within_p50=one.within_p50 * weight,
        within_p90=one.within_p90 * weight,
    )


def _figures(cells: Sequence[Cell]) -> Figures | None:
    told = sum(one.told for one in cells)
    if told <= 0:
        return None
    return Figures(
        mean_absolute_error_seconds=sum(one.absolute for one in cells) / told,
        bias_seconds=sum(one.signed for one in cells) / told,
        pinball_p50_seconds=sum(one.pinball_p50 for one in cells) / told,
        pinball_p90_seconds=sum(one.pinball_p90 for one in cells) / told,
        within_p50=sum(one.within_p50 for one in cells) / told,
        within_p90=sum(one.within_p90 for one in cells) / told,
    )


LEAST_FOR_A_SENTENCE = 20
"""With fewer visitors nothing is said about them."""

_WHEN_HOURS = {
    "en": "In the last {hours} hours",
    "de": "In den letzten {hours} Stunden",
    "fr": "Ces {hours} dernières heures",
    "es": "En las últimas {hours} horas",
    "ar": "خلال آخر {hours} ساعة",
}
_WHEN_DAYS = {
    "en": "In the last {days} days",
    "de": "In den letzten {days} Tagen",
    "fr": "Ces {days} derniers jours",
    "es": "En los últimos {days} días",
    "ar": "خلال آخر {days} {day_word}",
}
_WHEN_BETWEEN = {
    "en": "Between {first} and {last}",
    "de": "Zwischen dem {first} und dem {last}",
    "fr": "Entre le {first} et le {last}",
    "es": "Entre el {first} y el {last}",
    "ar": "بين {first} و{last}",
}
_WHAT = {
    "en": "{of_ten} of 10 visitors waited less than we said.",
    "de": "warteten {of_ten} von 10 Besuchern kürzer als angekündigt.",
    "fr": "{of_ten} visiteurs sur 10 ont attendu moins longtemps qu’annoncé.",
    "es": "{of_ten} de cada 10 visitantes esperaron menos de lo anunciado.",
    "ar": "انتظر {of_ten} من كل 10 زوار أقل مما أعلنّا.",
}
LANGUAGES = tuple(_WHAT)


def sentence(
    figures: Figures | None, samples: int, since: datetime, until: datetime, now: datetime, locale: str
) -> str | None:
    """For people: how many of ten waited at most P90, rounded down. None where too few were called to say so."""
    if figures is None or samples < LEAST_FOR_A_SENTENCE:
        return None
    language = locale.split("-")[0].lower()
    language = language if language in _WHAT else "en"
    what = _WHAT[language].format(of_ten=math.floor(figures.within_p90 * 10 + 1e-9))
    return f"{_when(since, until, now, language)} {what}"


def _when(since: datetime, until: datetime, now: datetime, language: str) -> str:
    hours = round((until - since).total_seconds() / 3_600)
    days, over = divmod(hours, 24)
    if abs((now - until).total_seconds()) > 60 or over or hours == 0:
        return _WHEN_BETWEEN[language].format(first=since.date().isoformat(), last=until.date().isoformat())
    if days <= 2:
        return _WHEN_HOURS[language].format(hours=hours)
    # Arabic counts three to ten of something in the plural, and more in the singular.
    return _WHEN_DAYS[language].format(days=days, day_word="أيام" if 3 <= days % 100 <= 10 else "يومًا")
