"""Whether a message may go to somebody, what people choose, and opting out: verbs. Nothing is sent here.

Asked twice of each message: when it becomes owed, and again right before it is sent (`is_opted_out`), because whoever
says STOP means what is on its way as well.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any, TypedDict, TypeGuard, cast
from uuid import UUID

from app.core.db import ReadTx, WriteTx
from app.core.errors import InvalidInput
from app.core.events import record
from app.identity import rules as identity
from app.identity.accounts.rules import language
from app.identity.factors.rules import dialled
from app.notifications.models import NotificationChannel, NotificationKind
from app.notifications.preferences import events, repository
from app.notifications.preferences.models import (
    NotificationDefaults,
    NotificationOptOut,
    NotificationPreferences,
    OptOutSource,
)
from app.notifications.preferences.repository import Address, index_of
from app.notifications.preferences.rules import (
    Decision,
    QuietHours,
    Send,
    Suppress,
    Wishes,
    decided,
    is_asked_for,
)
from app.sessions.service import MAX_STEP_BACK
from app.tenants import repository as tenants
from app.tenants.service import settings_in
from app.tenants.values import TenantSettings

__all__ = ["Decision", "Recipient", "Send", "Suppress", "Wishes"]


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who a message is for: an address on its channel, and whose it is. Not to be logged."""

    address: str
    session_id: UUID | None = None
    user_id: UUID | None = None

    def __repr__(self) -> str:
        return f"Recipient(session={self.session_id}, user={self.user_id})"


@dataclass(frozen=True, slots=True)
class Asked:
    """A message that is owed now.

    - `at`: when it is to be sent, if not now
    - `quiet`: hours in which it is not to be sent on top of the recipient's own, in their time zone
    """

    to: Recipient
    kind: NotificationKind
    channel: NotificationChannel
    at: datetime | None = None
    quiet: QuietHours | None = None


class PreferenceChanges(TypedDict, total=False):
    """What is to be different; None: as the tenant has it."""

    channels: Sequence[NotificationChannel] | None
    locale: str | None
    quiet_hours: QuietHours | None
    time_zone: str | None
    opted_out: bool


class DefaultChanges(TypedDict, total=False):
    """What is to be different for who has chosen nothing."""

    channels: Sequence[NotificationChannel] | None
    quiet_hours: QuietHours | None
    more_time_places: int


async def decide(tx: WriteTx, to: Recipient, kind: NotificationKind, channel: NotificationChannel) -> Decision:
    """Whether a message may go to somebody: `Send`, perhaps not before a time, or `Suppress` with the reason."""
    return (await decide_all(tx, [Asked(to, kind, channel)]))[0]


async def decide_all(tx: WriteTx, asked: Sequence[Asked]) -> list[Decision]:
    """`decide` for many messages, in their order, with as many statements as for one."""
    people = await _wishes(tx, [each.to for each in asked])
    addresses = [_address(tx, each.channel, each.to.address) for each in asked]
    gone = await repository.opted_out(tx, set(addresses))
    return [
        decided(
            each.kind, each.channel, wishes, tx.now(), address_opted_out=address in gone, at=each.at, quiet=each.quiet
        )
        for each, wishes, address in zip(asked, people, addresses, strict=True)
    ]


async def is_opted_out(
    tx: ReadTx,
    channel: NotificationChannel,
    recipient: str,
    kind: NotificationKind | None = None,
    *,
    session_id: UUID | None = None,
    user_id: UUID | None = None,
) -> bool:
    """Whether nothing may be sent to this address, or these people, any more.

    Answers and tests that were asked for may (`kind`).
    """
    if kind is not None and is_asked_for(kind):
        return False
    if await repository.opted_out(tx, {_address(tx, channel, recipient)}):
        return True
    sessions, users = [session_id] if session_id else [], [user_id] if user_id else []
    return any(row.opted_out for row in await repository.of_people(tx, sessions, users))


async def is_address_opted_out(tx: ReadTx, address: Address) -> bool:
    """The same of an address that is known only by what it is recognised by."""
    return bool(await repository.opted_out(tx, {address}))


async def chosen_locales(tx: ReadTx, people: Sequence[Recipient]) -> list[str | None]:
    """The languages people have chosen for messages, in their order; None who has chosen none."""
    found = await _chosen(tx, people)
    return [next((row.locale for row in found(each) if row.locale is not None), None) for each in people]


async def wishes_of(tx: ReadTx, session_id: UUID | None, user_id: UUID | None) -> Wishes:
    """What counts for somebody at present."""
    return (await _wishes(tx, [Recipient("", session_id, user_id)]))[0]


async def preferences_of(tx: ReadTx, session_id: UUID | None, user_id: UUID | None) -> NotificationPreferences | None:
    """What somebody has chosen; None if nothing yet."""
    mine = {"session_ids": [session_id] if session_id else [], "user_ids": [user_id] if user_id else []}
    found = await repository.of_people(tx, **mine)
    return found[0] if found else None


async def set_preferences(
    tx: WriteTx, session_id: UUID | None, user_id: UUID | None, changes: PreferenceChanges
) -> NotificationPreferences:
    """Change some of what a visitor or a user has chosen; nothing is recorded if it is so already.

    Whoever calls has seen that there is such a session or user. Raises `InvalidInput`.
    """
    wanted = _wanted(changes)
    row = await repository.hold(tx, session_id=session_id, user_id=user_id)
    changed = [name for name, value in wanted.items() if _put(row, name, value)]
    if changed:
        row.revision += 1
        row.updated_at, row.updated_by = tx.now(), tx.actor.label
        fact = events.NotificationPreferencesSet(_text(session_id), _text(user_id), sorted(changed))
        record(tx, events.PREFERENCES, row.id, row.revision, fact, row.updated_at)
    return row


async def defaults_of(tx: ReadTx) -> NotificationDefaults:
    """What counts in the bound tenant for who has chosen nothing."""
    if (row := await repository.defaults(tx)) is not None:
        return row
    return NotificationDefaults(tenant_id=tx.tenant, updated_at=datetime.min.replace(tzinfo=UTC), updated_by="")


async def set_defaults(tx: WriteTx, changes: DefaultChanges) -> NotificationDefaults:
    """Change some of the tenant's defaults; nothing is recorded if it is so already. Raises `InvalidInput`."""
    places = changes.get("more_time_places", 1)
    if not 1 <= places <= MAX_STEP_BACK:
        raise InvalidInput("moreTimePlaces", f"`moreTimePlaces` is from 1 to {MAX_STEP_BACK}.")
    wanted = _wanted(changes)
    row = await repository.hold_defaults(tx)
    changed = [name for name, value in wanted.items() if _put(row, name, value)]
    if changed:
        row.revision += 1
        row.updated_at, row.updated_by = tx.now(), tx.actor.label
        fact = events.NotificationDefaultsSet(sorted(changed))
        record(tx, events.DEFAULTS, tx.tenant, row.revision, fact, row.updated_at)
    return row


async def opt_out_of(tx: ReadTx, channel: NotificationChannel, recipient: str) -> NotificationOptOut | None:
    """What is known of an address, as staff write it; None if it never opted out. Raises `InvalidInput`."""
    return await repository.opt_out_of(tx, _address(tx, channel, _written(channel, recipient)))


async def set_opt_out_of(
    tx: WriteTx, channel: NotificationChannel, recipient: str, *, opted_out: bool
) -> NotificationOptOut:
    """Put an address on the list, or take it off, as its owner has asked staff to. Raises `InvalidInput`."""
    address = _address(tx, channel, _written(channel, recipient))
    return await set_opt_out(tx, address, OptOutSource.STAFF, opted_out=opted_out)


async def set_opt_out(tx: WriteTx, address: Address, source: OptOutSource, *, opted_out: bool) -> NotificationOptOut:
    """Send nothing to an address any more, or let it be sent again. Nothing is recorded if it is so already."""
    row = await repository.hold_opt_out(tx, address, source)
    if row.opted_out is opted_out:
        return row
    row.opted_out, row.source, row.changed_at = opted_out, source, tx.now()
    row.revision += 1
    kind = events.NotificationOptedOut if opted_out else events.NotificationOptedIn
    record(tx, events.OPT_OUT, row.id, row.revision, kind(row.channel, source), row.changed_at)
    return row


async def _wishes(tx: ReadTx, people: Sequence[Recipient]) -> list[Wishes]:
    defaults = await defaults_of(tx)
    settings = settings_in(await tenants.get(tx, tx.tenant))
    chosen = await _chosen(tx, people)
    return [_together(chosen(each), defaults, settings) for each in people]


async def _chosen(tx: ReadTx, people: Sequence[Recipient]) -> Callable[[Recipient], Sequence[NotificationPreferences]]:
    """Who has chosen what: of the session first, because it is the nearer."""
    sessions = {each.session_id for each in people if each.session_id is not None}
    users = {each.user_id for each in people if each.user_id is not None}
    rows = await repository.of_people(tx, sessions, users)
    found = {row.session_id or row.user_id: row for row in rows}
    return lambda each: [found[id] for id in (each.session_id, each.user_id) if id in found]


def _together(
    chosen: Sequence[NotificationPreferences], defaults: NotificationDefaults, settings: TenantSettings
) -> Wishes:
    own = next((row.channels for row in chosen if row.channels is not None), None)
    names = defaults.channels if own is None else own
    hours = [(row.quiet_from, row.quiet_until) for row in chosen] + [(defaults.quiet_from, defaults.quiet_until)]
    return Wishes(
        opted_out=any(row.opted_out for row in chosen),
        channels=None if names is None else frozenset(map(NotificationChannel, names)),
        has_chosen=own is not None,
        quiet=next((QuietHours(*each) for each in hours if is_set(each)), None),
        time_zone=next((row.time_zone for row in chosen if row.time_zone is not None), settings.time_zone),
        locale=next((row.locale for row in chosen if row.locale is not None), settings.default_locale),
    )


def is_set(hours: tuple[time | None, time | None]) -> TypeGuard[tuple[time, time]]:
    """Whether quiet hours are there; the table lets one time not be without the other."""
    return None not in hours


def _wanted(changes: PreferenceChanges | DefaultChanges) -> dict[str, object]:
    """By column. Raises `InvalidInput`."""
    wanted: dict[str, object] = {}
    for name, value in cast(dict[str, Any], changes).items():
        match name, value:
            case "channels", [*channels]:
                # In the order of the enum: the order means nothing.
                wanted[name] = [channel.value for channel in NotificationChannel if channel in channels]
            case "locale", _:
                wanted[name] = language(value)
            case "time_zone", str():
                wanted[name] = _zone(value)
            case "quiet_hours", _:
                wanted["quiet_from"] = None if value is None else value.starts
                wanted["quiet_until"] = None if value is None else value.ends
            case _:
                wanted[name] = value
    return wanted


def _zone(name: str) -> str:
    try:
        return TenantSettings().changed("", {"time_zone": name}).time_zone
    except InvalidInput as problem:
        raise InvalidInput("timeZone", problem.message) from None


def _put(row: NotificationPreferences | NotificationDefaults, name: str, value: object) -> bool:
    if getattr(row, name) == value:
        return False
    setattr(row, name, value)
    return True


def _address(tx: ReadTx, channel: NotificationChannel, recipient: str) -> Address:
    return channel, index_of(tx.tenant, channel, recipient)


def _written(channel: NotificationChannel, recipient: str) -> str:
    match channel:
        case NotificationChannel.EMAIL:
            try:
                return identity.email(recipient)
            except InvalidInput as problem:
                raise InvalidInput("recipient", problem.message) from None
        case NotificationChannel.SMS | NotificationChannel.WHATSAPP:
            if (number := dialled(recipient)) is None:
                raise InvalidInput("recipient", "Give a telephone number with its country, e.g. `+49 30 901820`.")
            return number
        case _:
            raise InvalidInput("channel", "Addresses opt out on EMAIL, SMS and WHATSAPP.")


def _text(id: UUID | None) -> str | None:
    return None if id is None else str(id)
