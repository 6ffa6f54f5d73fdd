"""From a rule that applies to the messages it owes: recipients, channels, language, text, and when. Sends nothing.

A `Desk` is what one job knows of the tenant, read once; everybody a job tells is gathered, and asked about together.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from app.core.db import WriteTx
from app.identity.factors.rules import dialled
from app.identity.models import User
from app.notifications import service, texts
from app.notifications.defaults import LAST_RESORT
from app.notifications.devices.service import devices_of
from app.notifications.models import NotificationChannel, NotificationKind, NotificationTemplate
from app.notifications.owing import Owed, owe
from app.notifications.preferences import service as preferences
from app.notifications.preferences.service import Asked, Recipient, Suppress
from app.notifications.providers.service import providers_for
from app.notifications.rules import languages
from app.notifications.telling import repository, rules
from app.notifications.telling.models import ChannelChoice, MessageRule
from app.notifications.telling.rules import Rule
from app.notifications.texts import Value
from app.queues.models import Queue, QueueMode
from app.sessions.models import Session
from app.settings import Settings
from app.tenants import repository as tenants
from app.tenants.models import Tenant
from app.tenants.service import settings_in

logger = logging.getLogger(__name__)

STAFF_SINCE = timedelta(days=7)
"""If nobody works at a queue's counters, who did so in this time counts as its staff."""

_WITH_CONTACT = {
    NotificationChannel.EMAIL: "email",
    NotificationChannel.SMS: "phone",
    NotificationChannel.WHATSAPP: "phone",
}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may be told: the visitor of a session, a user, or (neither) the staff's room."""

    session: Session | None = None
    user: User | None = None

    @property
    def locale(self) -> str | None:
        """The language they came with."""
        return None if self.session is None else self.session.locale

    @property
    def email(self) -> str | None:
        """Their address, if there is one."""
        someone = self.session or self.user
        return None if someone is None else someone.email

    @property
    def phone(self) -> str | None:
        """Their telephone number as they wrote it, if there is one."""
        someone = self.session or self.user
        return None if someone is None else someone.phone


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody is to be told by a rule, because of an event."""

    rule: Rule
    person: Person
    event_id: UUID
    occurred_at: datetime
    values: Mapping[str, Value]


@dataclass(slots=True, kw_only=True)
class Office:
    """What one has to know of a tenant to tell anybody anything; `queue_id`: what it is about, if it is a queue."""

    settings: Settings
    tenant: Tenant
    queue_id: UUID | None
    templates: Sequence[NotificationTemplate]
    carried: dict[NotificationChannel, bool] = field(default_factory=dict)

    @property
    def link(self) -> str:
        """Where visitors follow their place."""
        return f"https://{self.tenant.domain}" if self.tenant.domain else self.settings.base_url


@dataclass(slots=True, kw_only=True)
class Desk(Office):
    """What a job knows of its tenant and queue."""

    queue: Queue
    rows: Sequence[MessageRule]

    def rules(self, *kinds: NotificationKind) -> list[Rule]:
        """Those of these kinds that are in force in the queue."""
        found = rules.in_force(self.rows, self.queue.id, kinds)
        if self.queue.mode is QueueMode.METERED:
            # Whoever sits before a waiting page sees it there: a row for each of 50,000 would tell them nothing.
            found = [each if each.id is not None else _without_in_app(each) for each in found]
        return found

    def values(self, session: Session | None, **others: Value) -> dict[str, Value]:
        """What a text may fill in."""
        common: dict[str, Value] = {
            "queueName": self.queue.name,
            "tenantName": self.tenant.name,
            "link": self.link,
        }
        return common | ({} if session is None else {"ticketNumber": session.ticket_number}) | others


async def desk(tx: WriteTx, settings: Settings, queue: Queue, kinds: Sequence[NotificationKind]) -> Desk:
    """What a job has to know to tell somebody something of these kinds about a queue."""
    return Desk(
        settings=settings,
        tenant=await tenants.get(tx, tx.tenant),
        queue_id=queue.id,
        templates=await repository.templates_of(tx, kinds),
        queue=queue,
        rows=await repository.rules(tx),
    )


async def office(tx: WriteTx, settings: Settings, queue_id: UUID | None, kinds: Sequence[NotificationKind]) -> Office:
    """The same for somebody who is told by no rule of messages."""
    return Office(
        settings=settings,
        tenant=await tenants.get(tx, tx.tenant),
        queue_id=queue_id,
        templates=await repository.templates_of(tx, kinds),
    )


async def reachable(tx: WriteTx, session_ids: Sequence[UUID], rule: Rule) -> set[UUID]:
    """Which of these visitors the rule could reach at all, so that nobody else is looked at more closely."""
    if NotificationChannel.IN_APP in rule.channels:
        return set(session_ids)
    contacts = {_WITH_CONTACT[channel] for channel in rule.channels if channel in _WITH_CONTACT}
    found = await repository.with_contact(tx, session_ids, contacts)
    if NotificationChannel.PUSH in rule.channels:
        found |= await repository.with_device(tx, session_ids)
    return found


async def tell(tx: WriteTx, at: Office, told: Sequence[Told]) -> list[UUID]:
    """Write down what is owed by all of this; the ids of what is new."""
    wanted: list[tuple[Told, NotificationChannel, str]] = []
    for each in told:
        for channel in each.rule.channels:
            wanted += [(each, channel, address) for address in await _addresses(tx, at, each.person, channel)]
    asked = [
        Asked(
            _recipient(each.person, address),
            each.rule.kind,
            channel,
            rules.not_before(each.rule, tx.now(), each.occurred_at),
            each.rule.quiet,
        )
        for each, channel, address in wanted
    ]
    decisions = await preferences.decide_all(tx, asked)
    people = [each.to for each in asked]
    locales = await preferences.chosen_locales(tx, people)
    owed: list[Owed] = []
    reached: dict[int, NotificationChannel] = {}
    refused: dict[int, Owed] = {}
    for (each, channel, address), decision, chosen in zip(wanted, decisions, locales, strict=True):
        first = reached.get(id(each))
        if each.rule.choice is ChannelChoice.FIRST and first not in (None, channel):
            continue
        message = _message(at, each, channel, address, chosen)
        if isinstance(decision, Suppress):
            message = replace(message, suppressed=decision.reason)
            if each.rule.choice is ChannelChoice.FIRST:
                # Written down only if no other channel reaches them either.
                refused.setdefault(id(each), message)
                continue
        else:
            message = replace(message, due_at=decision.not_before)
            reached[id(each)] = channel
        owed.append(message)
    owed += [message for key, message in refused.items() if key not in reached]
    return await owe(tx, owed)


async def _addresses(tx: WriteTx, at: Office, person: Person, channel: NotificationChannel) -> Sequence[str]:
    """Where somebody is reached on a channel that somebody carries."""
    session, user = person.session, person.user
    found: Sequence[str | None] = []
    match channel:
        case NotificationChannel.CHAT:
            found = [""] if session is None and user is None else []
        case NotificationChannel.IN_APP if session is not None:
            found = [f"session:{session.id}"]
        case NotificationChannel.IN_APP if user is not None:
            found = [f"user:{user.id}"]
        case NotificationChannel.PUSH if session is not None:
            found = await devices_of(tx, session_id=session.id)
        case NotificationChannel.PUSH if user is not None:
            found = await devices_of(tx, user_id=user.id)
        case NotificationChannel.EMAIL:
            found = [person.email]
        case NotificationChannel.SMS | NotificationChannel.WHATSAPP:
            found = [dialled(person.phone)]
    known = [address for address in found if address is not None]
    return known if known and await _is_carried(tx, at, channel) else []


async def _is_carried(tx: WriteTx, at: Office, channel: NotificationChannel) -> bool:
    """Whether somebody carries a channel's messages. E-mail is owed in any case: its row says what is missing."""
    if channel not in at.carried:
        at.carried[channel] = channel is NotificationChannel.EMAIL or bool(
            await providers_for(tx, at.settings, channel)
        )
    return at.carried[channel]


def _message(at: Office, told: Told, channel: NotificationChannel, address: str, chosen: str | None) -> Owed:
    wanted = languages(chosen, told.person.locale, settings_in(at.tenant).default_locale, LAST_RESORT)
    locale, text = service.text_among(at.templates, told.rule.kind, channel, wanted, told.rule.id)
    try:
        filled = texts.fill_in(text, told.values, channel=channel, locale=locale)
    except texts.UNFILLABLE as problem:
        # Nobody else of this job must go without, and they themselves are told in our words.
        extra = {"kind": told.rule.kind, "channel": channel, "locale": locale, "problem": type(problem).__name__}
        logger.warning("A template cannot be filled in.", extra=extra)
        locale, text = service.text_among((), told.rule.kind, channel, wanted)
        filled = texts.fill_in(text, told.values, channel=channel, locale=locale)
    to = _recipient(told.person, address)
    return Owed(
        event_id=told.event_id,
        kind=told.rule.kind,
        channel=channel,
        recipient=address,
        locale=locale,
        subject=filled.subject,
        body=filled.body,
        queue_id=at.queue_id,
        session_id=to.session_id,
        user_id=to.user_id,
        rule_id=told.rule.id,
        values=told.values,
        link=at.link,
    )


def _recipient(person: Person, address: str) -> Recipient:
    return Recipient(
        address,
        None if person.session is None else person.session.id,
        None if person.user is None else person.user.id,
    )


def _without_in_app(rule: Rule) -> Rule:
    return replace(rule, channels=[each for each in rule.channels if each is not NotificationChannel.IN_APP])
