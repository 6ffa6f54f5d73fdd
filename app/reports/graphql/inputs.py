"""Inputs of the mutations of reports."""

from datetime import time

import strawberry
from strawberry import UNSET

from app.context import Context
from app.identity.permissions import Permission
from app.reports import content, models, rules
from app.reports.graphql.dashboards import RelativePeriod
from app.reports.graphql.types import LOCALES, WEEKDAYS, ReportFormat, ReportFrequency, ReportSection
from app.reports.rules import MAX_QUEUES, MAX_RECIPIENTS, Addressee
from app.reports.schedule import Schedule
from app.reports.service import NewReport, ReportChanges
from app.schedules import hours
from app.schedules.graphql.types import Weekday

_NAME = "Its title, 1 to 120 characters; line breaks become spaces."
_SECTIONS = "What is in it, at least one, each once, in order."
_PERIOD = "Of which days, by the day it is made."
_QUEUES = f"Of which queues, at most {MAX_QUEUES}; none are all of them, those to come included."
_LOCALE = f"Its language, e.g. `de`; there are {LOCALES}, and others become `en`. Null: the business's."
_RECIPIENTS = (
    f"Whom it is sent to when it is due, at most {MAX_RECIPIENTS}, each once. Addresses that are no user's need the "
    f"permission `{Permission.REPORT_ADDRESS}`."
)
_SCHEDULE = "When it is made by itself; null: never."


@strawberry.input(
    description="When a report is made by itself, in the business's time zone: see `ReportSchedule` for its clocks."
)
class ReportScheduleInput:
    frequency: ReportFrequency = strawberry.field(description="How often.")  # type: ignore[valid-type]
    time_of_day: time = strawberry.field(
        description="At which time of the day, in whole minutes and without a zone: `07:30`."
    )
    weekday: Weekday | None = strawberry.field(  # type: ignore[valid-type]
        default=None, description="On which day of the week; of a WEEKLY one, and only of that."
    )
    month_day: int | None = strawberry.field(
        default=None,
        description="On which day of the month, 1 to 31, or its last if it is shorter; only of a MONTHLY one.",
    )

    def schedule(self) -> Schedule:
        """What the service takes."""
        given: hours.Weekday | None = self.weekday
        weekday = None if given is None else WEEKDAYS.index(given)
        return Schedule(self.frequency, self.time_of_day, weekday, self.month_day)


@strawberry.input(description="Whom a report is sent to: a user or an address, one of the two.")
class ReportRecipientInput:
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="A member of staff who can sign in; at the address they have when it is sent."
    )
    address: str | None = strawberry.field(default=None, description="An e-mail address, at most 254 characters.")
    locale: str | None = strawberry.field(
        default=None,
        description="In which language. Default: what the user has chosen for messages, else the report's.",
    )

    def addressee(self, context: Context) -> Addressee:
        """What the service takes."""
        user_id = None if self.user_id is None else context.ref("User", self.user_id).id
        return Addressee(user_id, self.address, self.locale)


@strawberry.input(description="A new report.")
class SavedReportCreateInput:
    name: str = strawberry.field(description=_NAME)
    period: RelativePeriod = strawberry.field(description=_PERIOD)  # type: ignore[valid-type]
    sections: list[ReportSection] = strawberry.field(  # type: ignore[valid-type]
        default_factory=lambda: list(content.ReportSection), description=f"{_SECTIONS} Default: all there are."
    )
    queue_ids: list[strawberry.ID] = strawberry.field(default_factory=list, description=f"{_QUEUES} Default: all.")
    format: ReportFormat = strawberry.field(  # type: ignore[valid-type]
        default=models.ReportFormat.PDF, description="What kind of file is made. Default: PDF."
    )
    locale: str | None = strawberry.field(default=None, description=_LOCALE)
    schedule: ReportScheduleInput | None = strawberry.field(default=None, description=_SCHEDULE)
    recipients: list[ReportRecipientInput] | None = strawberry.field(
        default=UNSET, description=f"{_RECIPIENTS} Default: nobody."
    )

    def report(self, context: Context) -> NewReport:
        """What the service takes."""
        return NewReport(
            name=self.name,
            period=self.period,
            sections=self.sections,
            queue_ids=[context.ref("Queue", each).id for each in self.queue_ids],
            format=self.format,
            locale=self.locale,
            schedule=None if self.schedule is None else self.schedule.schedule(),
            recipients=_addressees(context, self.recipients),
        )


@strawberry.input(description="What to change of a report; what is left out stays.")
class SavedReportUpdateInput:
    report_id: strawberry.ID = strawberry.field(description="The report.")
    name: str | None = strawberry.field(default=UNSET, description=_NAME)
    period: RelativePeriod | None = strawberry.field(default=UNSET, description=_PERIOD)  # type: ignore[valid-type]
    sections: list[ReportSection] | None = strawberry.field(default=UNSET, description=_SECTIONS)  # type: ignore[valid-type]
    queue_ids: list[strawberry.ID] | None = strawberry.field(default=UNSET, description=_QUEUES)
    format: ReportFormat | None = strawberry.field(  # type: ignore[valid-type]
        default=UNSET, description="What kind of file is made."
    )
    locale: str | None = strawberry.field(default=UNSET, description=_LOCALE)
    schedule: ReportScheduleInput | None = strawberry.field(default=UNSET, description=_SCHEDULE)
    is_paused: bool | None = strawberry.field(
        default=UNSET, description="Whether its schedule is passed over; what was due meanwhile is not made up for."
    )
    recipients: list[ReportRecipientInput] | None = strawberry.field(
        default=UNSET, description=f"{_RECIPIENTS} Instead of those there are."
    )

    def changes(self, context: Context) -> ReportChanges:
        """What was given. Null stands for "as it is" where there is always a value."""
        changes: ReportChanges = {}
        for name in ("name", "period", "sections", "format", "is_paused"):
            value = getattr(self, name)
            if value is not UNSET and value is not None:
                changes[name] = value
        if self.locale is not UNSET:
            changes["locale"] = self.locale
        if self.queue_ids is not UNSET and self.queue_ids is not None:
            changes["queue_ids"] = [context.ref("Queue", each).id for each in self.queue_ids]
        if self.schedule is not UNSET:
            changes["schedule"] = None if self.schedule is None else self.schedule.schedule()
        if self.recipients is not UNSET and self.recipients is not None:
            changes["recipients"] = _addressees(context, self.recipients)
        return changes


@strawberry.input(description="Which report to delete, with what is known of its runs.")
class SavedReportDeleteInput:
    report_id: strawberry.ID = strawberry.field(description="The report.")


@strawberry.input(description="Which report to make now.")
class SavedReportRunInput:
    report_id: strawberry.ID = strawberry.field(description="The report.")
    send: bool = strawberry.field(
        default=False,
        description=(
            f"Whether its recipients are sent it, at most {rules.MAX_SENT_AN_HOUR} times within an hour, else "
            "`RATE_LIMITED`. Default: no, it can only be fetched."
        ),
    )
    idempotency_key: str | None = strawberry.field(
        default=None, description="1 to 200 characters; the same key again answers with the first run."
    )


def _addressees(context: Context, given: list[ReportRecipientInput] | None) -> list[rules.Addressee]:
    if given is UNSET or given is None:
        return []
    return [each.addressee(context) for each in given]
