"""Reports that are kept, whom they are sent to, and what came of their runs, as staff see them."""

from datetime import date, datetime, time
from uuid import UUID

import strawberry

from app.context import Info
from app.core.graphql.enums import explained_enum
from app.core.graphql.node import Node
from app.core.graphql.pages import After, First, PageInfo
from app.core.ids import encode
from app.identity.permissions import Permission
from app.reports import content, models, rules, schedule
from app.reports.graphql.dashboards import RelativePeriod
from app.reports.languages import LANGUAGES
from app.reports.service import schedule_of
from app.schedules import hours
from app.schedules.graphql.types import Weekday

WEEKDAYS = tuple(hours.Weekday)
LOCALES = ", ".join(sorted(LANGUAGES))

ReportSection = explained_enum(
    content.ReportSection,
    "A part of a report.",
    SUMMARY="The key figures, beside those of the period before.",
    WAITS="A plot of P50, P90 and P95 of the waits: hour by hour up to a week, else day by day.",
    VOLUMES="A plot of who joined, was served and gave up: hour by hour for a day, else day by day.",
    HEAT_MAP="A plot of arrivals by day of the week and hour.",
    SERVICE_LEVEL="A plot of the share called within the business's threshold, of those called and those who gave up.",
    ABANDONMENT="A plot and a table of who gave up, by their position on joining.",
    SATISFACTION="CSAT and NPS, beside those of the period before.",
    QUEUES="A table, queue by queue, by name; at most 100.",
    STAFF="A table of what members of staff did, by name, who served most first; at most 100.",
)
ReportFormat = explained_enum(
    models.ReportFormat,
    "What kind of file is made.",
    PDF="Pages to print, with a font in the file; Chinese, Japanese and Korean are shown in the reader's own fonts.",
    HTML="One page for browsers that fetches nothing and runs nothing, with its plots as SVG.",
)
ReportFrequency = explained_enum(
    schedule.Frequency,
    "How often a report is due.",
    DAILY="Every day.",
    WEEKLY="On a day of the week.",
    MONTHLY="On a day of the month.",
)
ReportTrigger = explained_enum(
    models.ReportTrigger,
    "Why a report was made.",
    ASKED_FOR="By `savedReportRun`.",
    SCHEDULED="Its time had come.",
)
ReportRunStatus = explained_enum(
    models.ReportRunStatus,
    "How far a run is.",
    PENDING="It is being made.",
    DONE="Its files are there, and its mails on their way.",
    FAILED="It could not be made; `error` says why.",
    MISSED=(
        "Nothing was running when it was due, and it was found more than "
        f"{int(rules.MAKE_UP_WITHIN.total_seconds() // 3600)} hours later, or a newer one was due as well."
    ),
)


@strawberry.type(
    description=(
        "When a report is made by itself, once each time, in the business's time zone. A time that the clocks skip is "
        "the instant they skip to; of one that comes twice it is the first."
    )
)
class ReportSchedule:
    frequency: ReportFrequency = strawberry.field(description="How often.")  # type: ignore[valid-type]
    time_of_day: time = strawberry.field(description="At which time of the day, in whole minutes.")
    weekday: Weekday | None = strawberry.field(description="On which day of the week; null unless WEEKLY.")  # type: ignore[valid-type]
    month_day: int | None = strawberry.field(
        description="On which day of the month, 1 to 31, or its last if it is shorter; null unless MONTHLY."
    )


@strawberry.type(description="Whom a report is sent to by e-mail when it is due: a user, or an address.")
class ReportRecipient:
    user_id: strawberry.ID | None = strawberry.field(
        description="The user, who gets it at the address they have then, while they are active; null for an address."
    )
    address: str | None = strawberry.field(
        description=f"The address; null for a user, and without the permission `{Permission.REPORT_ADDRESS}`."
    )
    locale: str | None = strawberry.field(
        description=f"In which language, of {LOCALES}; null: what the user has chosen for messages, else the report's."
    )


@strawberry.type(description="What was made: one for each language it is read in.")
class ReportFile:
    name: str = strawberry.field(description="What it is called.")
    locale: str = strawberry.field(description="Its language.")
    length: int = strawberry.field(description="In bytes.")
    file_key: strawberry.Private[str]
    run: strawberry.Private[models.ReportRun]

    @strawberry.field(
        description="Where it can be fetched without a token, for 15 minutes from now; null once it has expired."
    )
    async def download_url(self, info: Info) -> str | None:
        """Loaded for all files of the answer at once."""
        from app.reports.graphql.loaders import links_of

        return await info.context.loader(links_of, self.run.tenant_id).load(self.file_key)


@strawberry.type(description="A report that was made once, or was to be.")
class ReportRun(Node):
    row: strawberry.Private[models.ReportRun]
    status: ReportRunStatus = strawberry.field(description="How far it is.")  # type: ignore[valid-type]
    trigger: ReportTrigger = strawberry.field(description="Why it was made.")  # type: ignore[valid-type]
    due_at: datetime | None = strawberry.field(description="When it was due; null if somebody asked for it.")
    first_day: date = strawberry.field(
        description="The first day it is about, in the business's time zone; of one queue, in that queue's."
    )
    last_day: date = strawberry.field(description="The last day it is about.")
    told_count: int = strawberry.field(
        description="To how many people it was sent; `notifications` of the kind REPORT say what became of the mails."
    )
    error: str | None = strawberry.field(description="Why there are no files, in a sentence; null if that is not so.")
    created_at: datetime = strawberry.field(description="When it was asked for, or found to be due.")
    finished_at: datetime | None = strawberry.field(description="When it was made; null until then.")
    files_expire_at: datetime | None = strawberry.field(
        description="Until when its files are kept, 30 days; null while there are none."
    )
    files: list[ReportFile] = strawberry.field(
        description=f"What was made, at most one in each of {LOCALES}; none unless DONE."
    )

    @classmethod
    def of(cls, row: models.ReportRun) -> "ReportRun":
        """From its row."""
        files = [
            ReportFile(
                name=each["name"], locale=each["locale"], length=each["length"], file_key=each["fileId"], run=row
            )
            for each in row.files
        ]
        return cls(
            tenant_key=row.tenant_id,
            key=row.id,
            row=row,
            status=row.status,
            trigger=row.trigger,
            due_at=row.slot,
            first_day=row.first_day,
            last_day=row.last_day,
            told_count=row.told_count,
            error=row.error,
            created_at=row.created_at,
            finished_at=row.finished_at,
            files_expire_at=row.files_expire_at,
            files=files,
        )


@strawberry.type(description="A run in a page.")
class ReportRunEdge:
    cursor: str = strawberry.field(description="Pass as `after` to go on behind it.")
    node: ReportRun = strawberry.field(description="The run.")


@strawberry.type(description="A page of runs.")
class ReportRunConnection:
    edges: list[ReportRunEdge] = strawberry.field(description="Newest first.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")


@strawberry.type(description="What is to be reported, of which days, in which form, and when and to whom by itself.")
class SavedReport(Node):
    row: strawberry.Private[models.SavedReport]
    name: str = strawberry.field(description="Its title, at most 120 characters.")
    sections: list[ReportSection] = strawberry.field(description="What is in it, in order.")  # type: ignore[valid-type]
    period: RelativePeriod = strawberry.field(description="Of which days, by the day it is made.")  # type: ignore[valid-type]
    format: ReportFormat = strawberry.field(description="What kind of file is made.")  # type: ignore[valid-type]
    locale: str | None = strawberry.field(
        description=f"Its language, of {LOCALES}, where a recipient has none; null: the business's."
    )
    schedule: ReportSchedule | None = strawberry.field(description="When it is made by itself; null: never.")
    is_paused: bool = strawberry.field(description="Whether its schedule is passed over for the time being.")
    next_due_at: datetime | None = strawberry.field(
        description="When it is due next; null without a schedule, and while it is paused."
    )
    created_at: datetime = strawberry.field(description="When it was created.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")
    revision: int = strawberry.field(description="Grows by 1 with every change.")

    @classmethod
    def of(cls, row: models.SavedReport) -> "SavedReport":
        """From its row."""
        kept = schedule_of(row)
        return cls(
            tenant_key=row.tenant_id,
            key=row.id,
            row=row,
            name=row.name,
            sections=[content.ReportSection(each) for each in row.sections],
            period=row.period,
            format=row.format,
            locale=row.locale,
            schedule=None
            if kept is None
            else ReportSchedule(
                frequency=kept.frequency,
                time_of_day=kept.at,
                weekday=None if kept.weekday is None else WEEKDAYS[kept.weekday],
                month_day=kept.month_day,
            ),
            is_paused=row.is_paused,
            next_due_at=row.next_due_at,
            created_at=row.created_at,
            updated_at=row.updated_at,
            revision=row.revision,
        )

    @strawberry.field(description="Of which queues, at most 100; none are all of them.")
    def queue_ids(self) -> list[strawberry.ID]:
        """Opaque."""
        return [strawberry.ID(encode("Queue", self.tenant_key, UUID(each))) for each in self.row.queue_ids]

    @strawberry.field(description="Whom it is sent to when it is due, at most 50.")
    async def recipients(self, info: Info) -> list[ReportRecipient]:
        """Loaded for all reports of the answer at once."""
        from app.reports.graphql.loaders import recipients_of

        return await info.context.loader(recipients_of, self.tenant_key).load(self.key)

    @strawberry.field(description="What came of its runs, newest first. Kept for 400 days.")
    async def runs(self, info: Info, first: First, after: After = None) -> ReportRunConnection:
        """A page of them."""
        from app.reports.graphql.loaders import runs_page

        return await runs_page(info.context, self.tenant_key, self.key, first, after)


@strawberry.type(description="A report in a page.")
class SavedReportEdge:
    cursor: str = strawberry.field(description="Pass as `after` to go on behind it.")
    node: SavedReport = strawberry.field(description="The report.")


@strawberry.type(description="A page of reports.")
class SavedReportConnection:
    edges: list[SavedReportEdge] = strawberry.field(description="In order of creation.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")
