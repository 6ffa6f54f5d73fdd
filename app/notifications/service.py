"""What is owed to whom, and the texts: verbs about notifications and templates. Sending is `delivery.py`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from app.core.db import ReadTx, WriteTx
from app.core.db.engine import constraint_name
from app.core.db.pages import PageRequest
from app.core.errors import InvalidInput
from app.core.events import record
from app.core.events.reactions import Fact
from app.notifications import repository, rules, texts
from app.notifications.defaults import BUILT_IN, LAST_RESORT
from app.notifications.events import TEMPLATE, NotificationTemplateSet
from app.notifications.models import NotificationChannel, NotificationKind, NotificationTemplate
from app.notifications.owing import Owed, owe
from app.notifications.texts import Text, Value
from app.queues import repository as queues
from app.queues.disciplines import Rank
from app.queues.estimates import outlook
from app.queues.limits import state_of
from app.queues.models import QueueStatus
from app.sessions import repository as sessions
from app.sessions.models import Session
from app.settings import Settings
from app.tenants import repository as tenants
from app.tenants.models import Tenant
from app.tenants.service import settings_in

_LOOK_BACK = 1_000
"""Revisions before the event that are read to see who moved up: twice what the relay takes at once."""


@dataclass(frozen=True, slots=True)
class NewTemplate:
    """A tenant's text as it is asked for."""

    kind: NotificationKind
    text: Text
    channel: NotificationChannel = NotificationChannel.EMAIL
    locale: str | None = None


@dataclass(frozen=True, slots=True)
class EffectiveTemplate:
    """The text in use for a kind, channel and language; a built-in one was never updated."""

    kind: NotificationKind
    channel: NotificationChannel
    locale: str
    text: Text
    updated_at: datetime | None = None


async def owe_called(tx: WriteTx, fact: Fact, settings: Settings) -> list[UUID]:
    """Write down that the called visitor is to be told; the ids of what is new. Nothing for who left no address."""
    state = fact.data["session"]
    session, _ = (await sessions.with_revisions(tx, [session_id := UUID(state["id"])])).get(session_id, (None, 0))
    if session is None or session.email is None:
        return []  # erased meanwhile, or has left no address
    queue = await queues.get(tx, fact.aggregate_id)
    tenant = await tenants.get(tx, tx.tenant)
    values: dict[str, Value] = {
        **_common(tenant, queue.name, session, settings),
        # As it was called: by now the session may have moved on.
        "counterName": state["counter_name"],
    }
    return await _owe(tx, tenant, fact, NotificationKind.CALLED, session, values)


async def owe_people_ahead(tx: WriteTx, fact: Fact, settings: Settings) -> list[UUID]:
    """Write down who is to be told that only a few people are ahead; the ids of what is new.

    Looks at the first four in line and at the newest part of the log, however long the line is.
    """
    if (await queues.get(tx, fact.aggregate_id)).status is QueueStatus.PREQUEUE:
        return []  # nobody is ahead of anybody yet
    front = (await sessions.waiting_page(tx, fact.aggregate_id, PageRequest(first=rules.PEOPLE_AHEAD + 1))).rows
    reachable = [session.id for session in front if session.email is not None]
    if not reachable:
        return []
    untold = set(reachable) - await repository.told_of_people_ahead(tx, fact.aggregate_id, reachable)
    if not untold:
        return []
    log = await repository.line_moves(
        tx, fact.aggregate_id, after=fact.revision - _LOOK_BACK, people=[session.id for session in front]
    )
    placed = [rules.Placed(session.id, _rank(session)) for session in front]
    to_tell = rules.moved_up(placed, log) & untold
    if not to_tell:
        return []
    queue, line = (await queues.with_lines(tx, [fact.aggregate_id]))[fact.aggregate_id]
    tenant = await tenants.get(tx, tx.tenant)
    owed: list[UUID] = []
    ahead = outlook(state_of(queue, line))
    for people_ahead, session in enumerate(front):
        if session.id in to_tell:
            wait = ahead.wait_seconds(people_ahead)
            values: dict[str, Value] = {
                **_common(tenant, queue.name, session, settings),
                "peopleAhead": people_ahead,
                "estimatedWaitMinutes": None if wait is None else math.ceil(wait / 60),
            }
            owed += await _owe(tx, tenant, fact, NotificationKind.PEOPLE_AHEAD, session, values)
    return owed


async def set_template(tx: WriteTx, new: NewTemplate) -> tuple[EffectiveTemplate, Text]:
    """Make a text the tenant's own for its kind, channel and language (the tenant's own if none is given).

    Answers with the template and a preview. Raises `InvalidTemplate`, `InvalidInput`.
    """
    preview = preview_of(new.kind, new.text)
    locale = rules.language_tag(new.locale or settings_in(await tenants.get(tx, tx.tenant)).default_locale)
    now, who = tx.now(), tx.actor.label
    row = await repository.lock_template(tx, new.kind, new.channel, locale)
    if row is None:
        row = NotificationTemplate(
            tenant_id=tx.tenant,
            kind=new.kind,
            channel=new.channel,
            locale=locale,
            subject=new.text.subject,
            body=new.text.body,
            created_at=now,
            created_by=who,
            updated_at=now,
            updated_by=who,
        )
        tx.add(row)
        try:
            await tx.flush()
        except IntegrityError as error:
            if constraint_name(error) == "notification_templates_text_key":
                raise InvalidInput("locale", "Somebody else set this template just now; look at it.") from None
            raise
    elif (row.subject, row.body) == (new.text.subject, new.text.body):
        return _in_use(row), preview
    else:
        row.subject, row.body = new.text.subject, new.text.body
        row.revision += 1
        row.updated_at, row.updated_by = now, who
    record(tx, TEMPLATE, row.id, row.revision, NotificationTemplateSet(new.kind, new.channel, locale), now)
    return _in_use(row), preview


async def templates_in_use(tx: ReadTx) -> list[EffectiveTemplate]:
    """The tenant's own texts and the built-in ones beside them, by kind, channel and language."""
    found = {
        (kind, NotificationChannel.EMAIL, locale): EffectiveTemplate(kind, NotificationChannel.EMAIL, locale, text)
        for (kind, locale), text in BUILT_IN.items()
    }
    found |= {(row.kind, row.channel, row.locale): _in_use(row) for row in await repository.templates(tx)}
    return [found[key] for key in sorted(found)]


def preview_of(kind: NotificationKind, text: Text) -> Text:
    """The message with example values. Raises `InvalidTemplate`."""
    texts.check(kind, text)
    return texts.fill_in(text, texts.example(kind))


async def text_for(
    tx: ReadTx, kind: NotificationKind, channel: NotificationChannel, locales: Sequence[str]
) -> tuple[str, Text]:
    """The text in the first of these languages there is one in, with its language; the tenant's own comes first."""
    own = {row.locale: row for row in await repository.templates(tx) if (row.kind, row.channel) == (kind, channel)}
    for locale in locales:
        if (row := own.get(locale)) is not None:
            return locale, Text(row.subject, row.body)
        if (built_in := BUILT_IN.get((kind, locale))) is not None:
            return locale, built_in
    raise LookupError(f"no text for {kind} in any of {locales}")  # never with the last resort among them


async def _owe(
    tx: WriteTx,
    tenant: Tenant,
    fact: Fact,
    kind: NotificationKind,
    session: Session,
    values: dict[str, Value],
) -> list[UUID]:
    if session.email is None:
        return []
    wanted = rules.languages(session.locale, settings_in(tenant).default_locale, LAST_RESORT)
    locale, text = await text_for(tx, kind, NotificationChannel.EMAIL, wanted)
    filled = texts.fill_in(text, values)
    owed = Owed(
        event_id=fact.id,
        kind=kind,
        channel=NotificationChannel.EMAIL,
        recipient=session.email,
        locale=locale,
        subject=filled.subject,
        body=filled.body,
        queue_id=fact.aggregate_id,
        session_id=session.id,
        values=values,
    )
    return await owe(tx, [owed])


def _in_use(row: NotificationTemplate) -> EffectiveTemplate:
    return EffectiveTemplate(row.kind, row.channel, row.locale, Text(row.subject, row.body), row.updated_at)


def _common(tenant: Tenant, queue_name: str, session: Session, settings: Settings) -> dict[str, Value]:
    return {
        "ticketNumber": session.ticket_number,
        "queueName": queue_name,
        "tenantName": tenant.name,
        "link": f"https://{tenant.domain}" if tenant.domain else settings.base_url,
    }


def _rank(session: Session) -> Rank:
    return Rank(session.rank_class, session.rank_time, session.rank_sequence)
