"""A report's content as what a page is made of: headings, sentences, tables and plots, in one language.

Paper and browser lay the same blocks out; neither computes a figure.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from zoneinfo import ZoneInfo

from reportlab.graphics.shapes import Drawing

from app.analytics.figures import Figures, Granularity, Series
from app.reports.content import Content, Days, ReportSection
from app.reports.languages import Language
from app.reports.rendering.plots import Plot, Row, Shown, heat_map

_MOST_NAMES = 12
_HOURS = 24


@dataclass(frozen=True, slots=True)
class Heading:
    """Begins a section."""

    text: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """A line or two of text."""

    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a head. The first column holds names, the others numbers."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Picture:
    """A plot, and what it shows in words."""

    title: str
    drawing: Drawing


Block = Heading | Sentence | Table | Picture


@dataclass(frozen=True, slots=True)
class Page:
    """All of a report in one language."""

    language: Language
    title: str
    subtitle: str
    blocks: Sequence[Block]
    footer: str


def page(content: Content, language: Language, shown: Shown) -> Page:
    """Lay a report out; `shown` says how texts within plots are written down."""
    says = _Saying(content, language, shown)
    return Page(language, content.title, says.subtitle(), list(says.blocks()), says.footer())


def period_in(content: Content, language: Language) -> str:
    """The days it is of: one, or from the first to the last."""
    return _days(content.days, language)


def _days(days: Days, language: Language) -> str:
    first, last = language.day(days.first), language.day(days.last)
    return first if first == last else f"{first} – {last}"


def in_short(content: Content, language: Language) -> str:
    """The most important figures in a few lines, for a mail."""
    if content.is_empty:
        return language["no_data"]
    now = content.series.total
    return "\n".join(
        f"{language[name]}: {value}"
        for name, value in (
            ("joined", language.number(now.joined_count)),
            ("served", language.number(now.served_count)),
            ("wait_p50", language.duration(now.wait.p50_seconds)),
            ("wait_p90", language.duration(now.wait.p90_seconds)),
            ("abandonment_rate", language.share(now.abandonment_rate)),
        )
    )


class _Saying:
    """One report in one language."""

    def __init__(self, content: Content, language: Language, shown: Shown) -> None:
        self._content, self._language, self._shown = content, language, shown
        self._zone = ZoneInfo(content.time_zone)

    def subtitle(self) -> str:
        names = self._content.queue_names
        told = ", ".join(names[:_MOST_NAMES]) or self._language["all_queues"]
        if len(names) > _MOST_NAMES:
            told += f" {self._language['more_queues'].format(count=len(names) - _MOST_NAMES)}"
        return f"{self._content.tenant_name} · {period_in(self._content, self._language)} · {told}"

    def footer(self) -> str:
        language = self._language
        made = language["made_at"].format(at=language.moment(self._content.made_at.astimezone(self._zone)))
        return f"{made} · {language['time_zone'].format(zone=self._content.time_zone)}"

    def blocks(self) -> Iterator[Block]:
        if self._content.is_empty:
            yield Sentence(self._language["no_data"])
            return
        for section in self._content.sections:
            yield from _SECTIONS[section](self)

    def summary(self) -> Iterator[Block]:
        language = self._language
        yield Heading(language["summary"])
        yield Sentence(language["compared"].format(days=_days(self._content.days_before, language)))
        now, before = self._figures(self._content.series.total), self._figures(self._content.before)
        rows = [(name, value, was) for (name, value), (_, was) in zip(now, before, strict=True)]
        yield Table((language["figure"], language["value"], language["before"]), rows)

    def waits(self) -> Iterator[Block]:
        language, series = self._language, self._content.waits
        yield Heading(language["waits"])
        yield Sentence(language["waits_note"])
        rows = [
            Row("P50", [_minutes(point.figures.wait.p50_seconds) for point in series.points]),
            Row("P90", [_minutes(point.figures.wait.p90_seconds) for point in series.points]),
            Row("P95", [_minutes(point.figures.wait.p95_seconds) for point in series.points]),
        ]
        plot = Plot(self._shown, self._labels(series), _most(rows), self._axis, unit=language["minutes_axis"])
        plot.lines(rows)
        yield Picture(f"{language['waits']} ({language['minutes_axis']})", plot.drawing)

    def volumes(self) -> Iterator[Block]:
        language, series = self._language, self._content.series
        yield Heading(language["volumes"])
        yield Sentence(language["volumes_note"])
        rows = [
            Row(language["joined"], [float(point.figures.joined_count) for point in series.points]),
            Row(language["served"], [float(point.figures.served_count) for point in series.points]),
            Row(language["abandoned"], [float(point.figures.abandoned_count) for point in series.points]),
        ]
        plot = Plot(self._shown, self._labels(series), _most(rows), self._axis)
        plot.lines(rows)
        yield Picture(language["volumes"], plot.drawing)

    def heat_map(self) -> Iterator[Block]:
        language = self._language
        yield Heading(language["heat_map"])
        yield Sentence(language["heat_map_note"])
        values = [[0.0] * _HOURS for _ in language.weekdays]
        for cell in self._content.heat_map:
            values[cell.weekday][cell.hour] = cell.arrived_count / cell.times if cell.times else 0.0
        columns = [f"{hour}" for hour in range(_HOURS)]
        yield Picture(language["heat_map"], heat_map(self._shown, language.weekdays, columns, values))

    def service_level(self) -> Iterator[Block]:
        language, series = self._language, self._content.series
        yield Heading(language["service_level"])
        yield Sentence(language["level_note"].format(limit=language.duration(series.service_level_seconds)))
        shares = [point.figures.service_level for point in series.points]
        row = Row(language["service_level"], [None if each is None else each * 100 for each in shares])
        plot = Plot(self._shown, self._labels(series), 100.0, lambda value: language.share(value / 100, 0))
        plot.bars([row])
        yield Picture(language["service_level"], plot.drawing)

    def abandonment(self) -> Iterator[Block]:
        language, found = self._language, self._content.positions
        yield Heading(language["abandonment"])
        yield Sentence(language["abandonment_note"])
        labels = [
            f"{each.first_position}"
            if each.first_position == each.last_position
            else f"{each.first_position}–{each.last_position or '…'}"
            for each in found
        ]
        shares = [None if each.abandonment_rate is None else each.abandonment_rate * 100 for each in found]
        row = Row(language["rate"], shares)
        plot = Plot(self._shown, labels, _most([row]), lambda value: language.share(value / 100, 0))
        plot.bars([row])
        yield Picture(language["abandonment"], plot.drawing)
        rows = [
            (
                label,
                language.number(each.arrived_count),
                language.number(each.abandoned_count),
                language.share(each.abandonment_rate),
            )
            for label, each in zip(labels, found, strict=True)
            if each.arrived_count
        ]
        head = (language["position"], language["joined"], language["abandoned"], language["abandonment_rate"])
        yield Table(head, rows)

    def satisfaction(self) -> Iterator[Block]:
        language = self._language
        now, before = self._content.series.total.satisfaction, self._content.before.satisfaction
        yield Heading(language["satisfaction"])
        rows = [
            (language["csat"], language.share(_part(now.csat)), language.share(_part(before.csat))),
            (language["nps"], language.number(now.nps), language.number(before.nps)),
            (language["ratings"], language.number(now.rating_count), language.number(before.rating_count)),
        ]
        yield Table((language["figure"], language["value"], language["before"]), rows)

    def queues(self) -> Iterator[Block]:
        language = self._language
        yield Heading(language["per_queue"])
        head = ("queue", "joined", "served", "wait_p50", "wait_p90", "abandonment_rate", "no_show_rate")
        rows = [
            (
                row.name,
                language.number(row.figures.joined_count),
                language.number(row.figures.served_count),
                language.duration(row.figures.wait.p50_seconds),
                language.duration(row.figures.wait.p90_seconds),
                language.share(row.figures.abandonment_rate),
                language.share(row.figures.no_show_rate),
            )
            for row in self._content.queues
        ]
        yield Table([language[name] for name in head], rows)

    def staff(self) -> Iterator[Block]:
        language = self._language
        yield Heading(language["staff"])
        head = ("member", "served", "service_mean", "service_p90", "throughput", "occupancy", "csat")
        rows = [
            (
                row.name,
                language.number(row.figures.figures.served_count),
                language.duration(row.figures.figures.service.mean_seconds),
                language.duration(row.figures.figures.service.p90_seconds),
                language.number(row.figures.served_per_hour, 1),
                language.share(row.figures.occupancy),
                language.share(_part(row.figures.figures.satisfaction.csat)),
            )
            for row in self._content.staff
        ]
        yield Table([language[name] for name in head], rows)

    def _figures(self, of: Figures) -> list[tuple[str, str]]:
        language = self._language
        limit = language.duration(self._content.series.service_level_seconds)
        return [
            (language["joined"], language.number(of.joined_count)),
            (language["served"], language.number(of.served_count)),
            (language["abandoned"], language.number(of.abandoned_count)),
            (language["no_shows"], language.number(of.no_show_count)),
            (language["wait_mean"], language.duration(of.wait.mean_seconds)),
            (language["wait_p50"], language.duration(of.wait.p50_seconds)),
            (language["wait_p90"], language.duration(of.wait.p90_seconds)),
            (language["wait_p95"], language.duration(of.wait.p95_seconds)),
            (language["service_mean"], language.duration(of.service.mean_seconds)),
            (language["service_p90"], language.duration(of.service.p90_seconds)),
            (language["level"].format(limit=limit), language.share(of.service_level)),
            (language["abandonment_rate"], language.share(of.abandonment_rate)),
            (language["no_show_rate"], language.share(of.no_show_rate)),
            (language["throughput"], language.number(of.throughput_per_hour, 1)),
            (language["occupancy"], language.share(of.occupancy)),
        ]

    def _labels(self, series: Series) -> list[str]:
        return [self._label(point.period.starts, series) for point in series.points]

    def _label(self, starts: datetime, series: Series) -> str:
        local = starts.astimezone(self._zone)
        if series.granularity is not Granularity.HOUR:
            return f"{local.day}.{local.month}." if self._language.decimal == "," else f"{local.day}/{local.month}"
        if self._content.days.first == self._content.days.last:
            return f"{local.hour}"
        return f"{self._language.weekdays[local.weekday()]} {local.hour}"

    def _axis(self, value: float) -> str:
        return self._language.number(value, 0 if value == int(value) else 1)


_SECTIONS: Mapping[ReportSection, Callable[[_Saying], Iterator[Block]]] = MappingProxyType(
    {
        ReportSection.SUMMARY: _Saying.summary,
        ReportSection.WAITS: _Saying.waits,
        ReportSection.VOLUMES: _Saying.volumes,
        ReportSection.HEAT_MAP: _Saying.heat_map,
        ReportSection.SERVICE_LEVEL: _Saying.service_level,
        ReportSection.ABANDONMENT: _Saying.abandonment,
        ReportSection.SATISFACTION: _Saying.satisfaction,
        ReportSection.QUEUES: _Saying.queues,
        ReportSection.STAFF: _Saying.staff,
    }
)


def _minutes(seconds: float | None) -> float | None:
    return None if seconds is None else seconds / 60


def _part(percent: float | None) -> float | None:
    """CSAT is kept from 0 to 100, shares from 0 to 1."""
    return None if percent is None else percent / 100


def _most(rows: Sequence[Row]) -> float:
    return max((value for row in rows for value in row.values if value is not None), default=0.0)
