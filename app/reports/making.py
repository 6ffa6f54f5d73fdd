"""Making one report: its figures, a file for each language it is read in, and the mails they are attached to.

Files, mails and "done" are one commit: a worker that dies leaves nothing, and another one begins anew.
"""

import asyncio
import logging
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from app.core.db import ReadTx, WriteTx
from app.core.events import Event, record
from app.core.jobs.context import JobContext
from app.identity import repository as users
from app.identity.models import Role, UserStatus
from app.notifications.attachments import service as attachments
from app.notifications.models import NotificationChannel, NotificationKind
from app.notifications.owing import Owed, owe
from app.notifications.preferences.service import Recipient, chosen_locales
from app.reports import gathering, repository
from app.reports.content import Content, ReportSection
from app.reports.events import REPORT_RUN, ReportRunDone, ReportRunFailed
from app.reports.languages import Language, language_for
from app.reports.models import ReportFormat, ReportRun, ReportRunStatus
from app.settings import Settings
from app.tenants import repository as tenant_rows
from app.tenants import service as tenants
from app.tenants.errors import LimitReached
from app.transfers import files
from app.transfers.models import File

logger = logging.getLogger(__name__)

MOST_ATTEMPTS: Final = 5
FILE_LIFETIME: Final = timedelta(days=30)
TIMEOUT_SECONDS: Final = 300.0
_GIVEN_UP: Final = "It could not be made. Tell whoever runs this installation."
_UNFIT_FOR_NAMES = re.compile(r'[\\/:*?"<>|\s\x00-\x1f]+')

# The library keeps what fonts have been used for in one place for all.
_press = threading.Lock()


@dataclass(frozen=True, slots=True)
class _Reader:
    """Whom it is sent to, in their language. Not to be logged."""

    address: str
    language: Language
    user_id: UUID | None

    def __repr__(self) -> str:
        return f"_Reader({self.user_id or '…'})"


@dataclass(frozen=True, slots=True)
class _Made:
    """A file of a language, as it will be stored, with what a mail says about it."""

    language: Language
    name: str
    media_type: str
    content: bytes
    subject: str
    period: str
    summary: str


async def make(context: JobContext, run_id: UUID) -> None:
    """Make what a run is of. Nothing happens if that is done."""
    now = context.clock.now()
    async with context.db.read(context.tenant_id, snapshot=True) as tx:
        run = (await repository.runs_by_ids(tx, [run_id])).get(run_id)
        if run is None or run.status is not ReportRunStatus.PENDING:
            return
        if context.attempt <= MOST_ATTEMPTS:
            report = (await repository.by_ids(tx, [run.report_id]))[run.report_id]
            own = language_for(run.locale, (await tenants.settings_of(tx)).default_locale)
            readers = await _readers(tx, run, own)
            content = await gathering.gather(tx, report, run, now)
    if context.attempt > MOST_ATTEMPTS:
        await _fail(context, run_id, _GIVEN_UP)
        return
    languages = sorted({own.tag, *(each.language.tag for each in readers)})
    made = [await asyncio.to_thread(_printed, content, language_for(tag), run.format) for tag in languages]
    try:
        async with context.finish() as tx:
            await _hand_out(
                tx, context.settings, run_id, made, readers, personal=ReportSection.STAFF in content.sections
            )
    except LimitReached as problem:
        await _fail(context, run_id, str(problem))


def _printed(content: Content, language: Language, kind: ReportFormat) -> _Made:
    # Fonts and plots are loaded by who makes reports only: servers need none of it.
    from app.reports.rendering import drawn, html, pdf

    press = pdf if kind is ReportFormat.PDF else html
    with _press:
        file = press.render(content, language)
    period = drawn.period_in(content, language)
    stem = _UNFIT_FOR_NAMES.sub("-", content.title).strip("-.") or "report"
    return _Made(
        language=language,
        name=f"{stem}-{content.days.last.isoformat()}.{language.tag}.{kind.value.lower()}",
        media_type=press.MEDIA_TYPE,
        content=file,
        subject=language["subject"].format(title=content.title, period=period),
        period=period,
        summary=drawn.in_short(content, language),
    )


async def _hand_out(
    tx: WriteTx, settings: Settings, run_id: UUID, made: Sequence[_Made], readers: Sequence[_Reader], *, personal: bool
) -> None:
    """Store the files, owe the mails, and say that it is done."""
    run = await repository.lock_run(tx, run_id)
    if run is None or run.status is not ReportRunStatus.PENDING:
        return
    report = (await repository.by_ids(tx, [run.report_id]))[run.report_id]
    tenant_name = (await tenant_rows.get(tx, tx.tenant)).name
    expires_at = tx.now() + FILE_LIFETIME
    owed: list[Owed] = []
    for each in made:
        file = await files.store(
            tx,
            name=each.name,
            media_type=each.media_type,
            expires_at=expires_at,
            personal=personal,
            content=each.content,
        )
        kept = {"locale": each.language.tag, "fileId": str(file.id), "name": each.name, "length": len(each.content)}
        run.files = [*run.files, kept]
        mine = [reader for reader in readers if reader.language is each.language]
        owed += await _mails(tx, settings, run, each, file, mine, (report.name, tenant_name))
    run.told_count = len(await owe(tx, owed))
    run.files_expire_at = expires_at
    _settle(tx, run, ReportRunStatus.DONE, ReportRunDone(run.report_id, run.told_count))
    await tx.flush()


async def _mails(
    tx: WriteTx,
    settings: Settings,
    run: ReportRun,
    made: _Made,
    file: File,
    readers: Sequence[_Reader],
    names: tuple[str, str],
) -> list[Owed]:
    """One for each reader of a language: with the file attached, or where it can be fetched if it is too long."""
    if not readers:
        return []
    title, tenant_name = names
    is_short = len(made.content) <= attachments.MAX_BYTES
    attached = [await attachments.keep(tx, made.name, made.media_type, made.content)] if is_short else []
    link = None if is_short else files.link(settings, file, tx.now(), FILE_LIFETIME)
    body = made.language["mail" if is_short else "mail_link"].format(
        title=title, tenant=tenant_name, period=made.period, summary=made.summary, link=link
    )
    return [
        Owed(
            event_id=run.id,
            kind=NotificationKind.REPORT,
            channel=NotificationChannel.EMAIL,
            recipient=reader.address,
            locale=made.language.tag,
            subject=made.subject,
            body=f"{body}\n",
            user_id=reader.user_id,
            attachment_ids=attached,
        )
        for reader in readers
    ]


async def _readers(tx: ReadTx, run: ReportRun, own: Language) -> list[_Reader]:
    """Whom a run is sent to, by the addresses they have now; nobody twice. Who has no access any more is left out."""
    if not run.send:
        return []
    rows = (await repository.recipients_of(tx, [run.report_id]))[run.report_id]
    people = await users.by_ids(tx, [row.user_id for row in rows if row.user_id is not None])
    chosen = await chosen_locales(tx, [Recipient("", None, row.user_id) for row in rows])
    found: dict[str, _Reader] = {}
    # Of somebody who is named twice, the user knows the language.
    for row, locale in sorted(zip(rows, chosen, strict=True), key=lambda each: each[0].user_id is None):
        address = row.address
        if row.user_id is not None:
            user = people[row.user_id]
            if user.status is not UserStatus.ACTIVE or user.role is Role.CUSTOMER:
                continue
            address = user.email
        assert address is not None, "a recipient is a user or an address"
        language = language_for(row.locale, locale, own.tag)
        found.setdefault(address, _Reader(address, language, row.user_id))
    return list(found.values())


async def _fail(context: JobContext, run_id: UUID, reason: str) -> None:
    async with context.finish() as tx:
        run = await repository.lock_run(tx, run_id)
        if run is None or run.status is not ReportRunStatus.PENDING:
            return
        run.error = reason[:500]
        _settle(tx, run, ReportRunStatus.FAILED, ReportRunFailed(run.report_id, run.error))
        await tx.flush()
    logger.info("A report was not made.", extra={"run_id": run_id, "reason": reason})


def _settle(tx: WriteTx, run: ReportRun, status: ReportRunStatus, event: Event) -> None:
    run.status, run.finished_at = status, tx.now()
    run.revision += 1
    record(tx, REPORT_RUN, run.id, run.revision, event, run.finished_at)
