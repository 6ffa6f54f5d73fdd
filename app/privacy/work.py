"""Exporting and erasing one person, step by step. Whoever takes over after a death goes on with the next step.

Every step may be done twice, and every portion of one. Runs with the system's role: the log, for one, lets nobody else
forget where changes came from.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson

from app.access import service as access
from app.access.models import AccessList
from app.core.db import Database, WriteTx
from app.identity import rules as identity_rules
from app.identity.accounts.codes import Codes, Recipient
from app.identity.accounts.models import AccountMessage, MessageChannel
from app.identity.events import UserErased
from app.identity.factors.rules import dialled
from app.identity.models import Login, User, UserStatus
from app.identity.passwords import NOBODYS_HASH
from app.identity.repository import lock as lock_user
from app.identity.repository import revoke_logins
from app.identity.service import note as note_user
from app.integrations.models import Payment, SessionCustomer
from app.notifications.devices.models import PushDevice
from app.notifications.preferences.models import NotificationPreferences
from app.notifications.replies.models import NotificationReply
from app.privacy import repository
from app.privacy.errors import PersonIsStaff
from app.privacy.events import PrivacyRequestDone, PrivacyRequestFailed
from app.privacy.models import PrivacyRequest, PrivacyRequestKind, PrivacyRequestStatus
from app.privacy.rules import Subject, as_exported, readable
from app.privacy.service import note
from app.ratings.models import Rating
from app.reports import repository as reports
from app.reports.dashboards import repository as dashboards
from app.reports.dashboards.models import SavedDashboard
from app.sessions.models import Session, SessionNote
from app.tenants.errors import LimitReached
from app.tenants.models import Tenant
from app.transfers import files

FILE_LIFETIME = timedelta(days=7)
_AT_ONCE = 500

logger = logging.getLogger(__name__)


class Person:
    """Whose rows a step is about. `codes` knows how messages to an address are found: their rows do not say it."""

    def __init__(self, request: PrivacyRequest, codes: Codes, unreadable: set[str] | None = None) -> None:
        self.codes = codes
        # Rows with a value that no key opens, as met with: they keep nobody from their right to the rest.
        self.unreadable = set() if unreadable is None else unreadable
        kept = readable(request, "subject", self.unreadable)
        self.subject = Subject() if kept is None else Subject.of(kept)
        self.user_ids = [UUID(id) for id in request.user_ids or ()]
        self.session_ids = [UUID(id) for id in request.session_ids or ()]

    @property
    def actors(self) -> list[str]:
        """How the log names them."""
        return [f"USER:{id}" for id in self.user_ids] + [f"VISITOR:{id}" for id in self.session_ids]


Step = Callable[[WriteTx, Person], Awaitable[int]]


async def work(system: Database, codes: Codes, tenant_id: UUID, request_id: UUID) -> None:
    """Do all that is left of a request. Nothing happens if it is done."""
    async with system.write(tenant_id) as tx:
        request = await repository.lock(tx, request_id)
        if request.finished_at is not None:
            return
        if request.user_ids is None:
            person = Person(request, codes)
            if person.unreadable:
                _fail(tx, request, "Who it is about can no longer be read. Ask again.", "the subject does not open")
            else:
                await _find(tx, person, request)
        is_possible = request.status is not PrivacyRequestStatus.FAILED
    if not is_possible:
        return
    if request.kind is PrivacyRequestKind.EXPORT:
        await _export(system, codes, tenant_id, request_id)
        return
    unreadable: set[str] = set()
    for number, (name, step) in enumerate(ERASURE.items()):
        more = name in _PORTIONS
        while more:
            async with system.write(tenant_id) as tx:
                request = await repository.lock(tx, request_id)
                more = request.done_steps == number and await _PORTIONS[name](tx, Person(request, codes)) > 0
        async with system.write(tenant_id) as tx:
            request = await repository.lock(tx, request_id)
            if request.done_steps > number:
                continue
            person = Person(request, codes, unreadable)
            count = await step(tx, person)
            request.done_steps, request.counts = number + 1, {**request.counts, name: count}
            _tell_unreadable(request, person)
    async with system.write(tenant_id) as tx:
        request = await repository.lock(tx, request_id)
        if request.status is PrivacyRequestStatus.RUNNING:
            request.subject = None
            _finish(tx, request)


async def _find(tx: WriteTx, person: Person, request: PrivacyRequest) -> None:
    """Once: afterwards they cannot be found any more by what is erased."""
    if request.kind is not PrivacyRequestKind.EXPORT:
        # First of all: an import under way would bring them in again, and nobody would look for that any more.
        await files.destroy_personal(tx)
    user_ids = [user.id for user in await repository.users_of(tx, person.subject)]
    request.user_ids = [str(id) for id in user_ids]
    request.session_ids = [str(id) for id in await repository.session_ids_of(tx, person.subject)]
    request.status, request.total_steps = PrivacyRequestStatus.RUNNING, len(ERASURE)
    if request.kind is PrivacyRequestKind.EXPORT:
        request.total_steps = 1
    elif await repository.is_active_staff(tx, user_ids):
        # They were made one since it was asked for.
        _fail(tx, request, str(PersonIsStaff()), "the person is a member of staff with access")


async def give_up_export(system: Database, tenant_id: UUID, request_id: UUID) -> None:
    """Say that there will be no file. Nothing happens to an erasure: that is tried until it is done."""
    async with system.write(tenant_id) as tx:
        request = await repository.lock(tx, request_id)
        if request.kind is PrivacyRequestKind.EXPORT and request.finished_at is None:
            _fail(tx, request, "The file could not be made. Tell whoever runs this installation.", "given up")


async def _export(system: Database, codes: Codes, tenant_id: UUID, request_id: UUID) -> None:
    async with system.write(tenant_id) as tx:
        request = await repository.lock(tx, request_id)
        if request.status is not PrivacyRequestStatus.RUNNING:
            return
        person = Person(request, codes)
        found = {name: rows for name, rows in (await _everything(tx, person)).items() if rows}
        request.counts = {name: len(rows) for name, rows in found.items()}
        _tell_unreadable(request, person)
        content = {
            "exportedAt": tx.now().isoformat(),
            "tenant": (await tx.get_one(Tenant, tx.tenant)).name,
            "foundBy": {name: value for name, value in person.subject.as_json().items() if value is not None},
            "data": found,
        }
        try:
            await files.ensure_room(tx, len(orjson.dumps(content)))
        except LimitReached as problem:
            request.counts = {}
            _fail(tx, request, str(problem), "no room for the file")
            return
        request.content = content
        request.content_ends_at, request.done_steps = tx.now() + FILE_LIFETIME, 1
        _finish(tx, request)


async def _everything(tx: WriteTx, person: Person) -> Mapping[str, list[dict[str, Any]]]:
    """What is held about a person, by table."""
    rows: dict[str, list[Any]] = {
        "users": list(await repository.by_ids(tx, User, "id", person.user_ids)),
        "sessions": list(await repository.by_ids(tx, Session, "id", person.session_ids)),
        "session_notes": list(await repository.by_ids(tx, SessionNote, "session_id", person.session_ids)),
        "session_customers": list(await repository.by_ids(tx, SessionCustomer, "id", person.session_ids)),
        "ratings": list(await repository.by_ids(tx, Rating, "id", person.session_ids)),
        "payments": list(await repository.by_ids(tx, Payment, "session_id", person.session_ids)),
        "notifications": list(
            await repository.notifications_of(tx, person.subject, person.session_ids, person.user_ids)
        ),
        "access_entries": list(await repository.access_entries_of(tx, person.subject)),
        "events": list(await repository.events_of(tx, person.actors)),
    }
    for kind, column in repository.about_users():
        rows[str(kind.__tablename__)] = list(await repository.by_ids(tx, kind, column, person.user_ids))
    rows["report_recipients"] += await reports.recipients_at(tx, await _emails(tx, person))
    rows["saved_dashboards"] = list(await repository.by_ids(tx, SavedDashboard, "owner_id", person.user_ids))
    rows["push_devices"] += await repository.by_ids(tx, PushDevice, "session_id", person.session_ids)
    of_sessions = await repository.by_ids(tx, NotificationPreferences, "session_id", person.session_ids)
    rows["notification_preferences"] += of_sessions
    numbers = await _numbers(tx, person)
    numbers += [number for session in rows["sessions"] if (number := _phone(session, person)) is not None]
    rows["notification_replies"] = list(await repository.replies_of(tx, numbers, person.session_ids))
    rows["invitations"] = list(await repository.invitations_of(tx, await _emails(tx, person), person.user_ids))
    # As text and back: what cannot be written as JSON is written as text, once and here.
    return {
        name: orjson.loads(orjson.dumps([as_exported(row, person.unreadable) for row in found], default=str))
        for name, found in rows.items()
    }


async def _erase_users(tx: WriteTx, person: Person) -> int:
    for id in person.user_ids:
        user = await lock_user(tx, id)
        if readable(user, "email", person.unreadable) == _nobody(user):
            continue
        user.email, user.username, user.phone = _nobody(user), None, None
        user.first_name = user.last_name = None
        user.email_verified = user.phone_verified = False
        user.password_hash, user.status = NOBODYS_HASH, UserStatus.INACTIVE
        user.permission_version += 1
        await revoke_logins(tx, id, "erased")
        note_user(tx, user, UserErased())
    await repository.end_refresh_tokens(tx, person.user_ids)
    for login in await repository.by_ids(tx, Login, "user_id", person.user_ids):
        login.address = login.agent = None
    return len(person.user_ids)


async def _erase_accounts(tx: WriteTx, person: Person) -> int:
    """What belongs to the accounts: second factors, identities at providers, codes, invitations."""
    for id in person.user_ids:
        # First of all: whoever can still sign in has more of this written down while it is deleted.
        (await lock_user(tx, id)).status = UserStatus.INACTIVE
        await revoke_logins(tx, id, "erased")
    emails = await _emails(tx, person)
    invitations = await repository.invitations_of(tx, emails, person.user_ids)
    count = 0
    for kind, column in repository.deleted_with_users():
        count += await repository.delete_rows(tx, kind, column, person.user_ids)
    # By address, whatever they were about: a sign-in, a change of address, or a registration, which is nobody's yet.
    to = [Recipient(MessageChannel.EMAIL, email) for email in emails]
    to += [Recipient(MessageChannel.SMS, number) for number in await _numbers(tx, person)]
    hashes = [person.codes.recipient_hash(recipient) for recipient in to]
    count += await repository.delete_rows(tx, AccountMessage, "recipient_hash", hashes)
    about = [*person.user_ids, *(each.id for each in invitations)]
    count += await repository.delete_rows(tx, AccountMessage, "subject_id", about)
    for invitation in invitations:
        await tx.delete(invitation)
    count += await reports.forget_addresses(tx, emails)
    # What they share others work with.
    count += await dashboards.forget_own(tx, person.user_ids)
    return count + len(invitations)


async def _emails(tx: WriteTx, person: Person) -> list[str]:
    """The address they are found by, and those of their accounts, as codes and invitations are sent to them."""
    users = await repository.by_ids(tx, User, "id", person.user_ids)
    given = {
        identity_rules.email_to_look_up(person.subject.email or ""),
        *(readable(user, "email", person.unreadable) or "" for user in users),
    }
    return sorted(given - {""})


async def _numbers(tx: WriteTx, person: Person) -> list[str]:
    """The same for telephones."""
    users = await repository.by_ids(tx, User, "id", person.user_ids)
    given = {dialled(person.subject.phone), *(_phone(user, person) for user in users)}
    return sorted(number for number in given if number is not None)


def _phone(row: User | Session, person: Person) -> str | None:
    return dialled(readable(row, "phone", person.unreadable))


async def _erase_some_sessions(tx: WriteTx, person: Person) -> int:
    sessions = await repository.telling_sessions(tx, person.session_ids, limit=_AT_ONCE)
    for session in sessions:
        blank(session)
    await repository.delete_about_sessions(tx, [session.id for session in sessions])
    return len(sessions)


async def _erase_sessions(tx: WriteTx, person: Person) -> int:
    # What was written down about them since.
    await repository.delete_about_sessions(tx, person.session_ids)
    # Books have to be kept: amounts and what the payment system calls them stay, the way to the page does not.
    for payment in await repository.by_ids(tx, Payment, "session_id", person.session_ids):
        payment.checkout_url = None
    return len(person.session_ids)


async def _erase_notifications(tx: WriteTx, person: Person) -> int:
    rows = await repository.notifications_of(tx, person.subject, person.session_ids, person.user_ids)
    await repository.blank_notifications(tx, rows)
    return len(rows)


async def _erase_replies(tx: WriteTx, person: Person) -> int:
    """What they have answered to messages, with the answers to that; that they have opted out names nobody, and stays.

    First of all: they are found by numbers that later steps take away.
    """
    numbers = await _numbers(tx, person)
    for start in range(0, len(person.session_ids), _AT_ONCE):
        sessions = await repository.by_ids(tx, Session, "id", person.session_ids[start : start + _AT_ONCE])
        numbers += [number for session in sessions if (number := _phone(session, person)) is not None]
    replies = await repository.replies_of(tx, numbers, person.session_ids)
    await repository.delete_rows(tx, NotificationReply, "id", [reply.id for reply in replies])
    await repository.blank_notifications(tx, await repository.notifications_to(tx, numbers))
    return len(replies)


async def _erase_lists(tx: WriteTx, person: Person) -> int:
    entries = [(entry.queue_id, entry.kind) for entry in await repository.access_entries_of(tx, person.subject)]
    identifier = person.subject.user_identifier
    assert identifier is not None or not entries
    for queue_id, kind in sorted(entries):
        await access.remove_entries(tx, queue_id, AccessList(kind), [identifier or ""])
    return len(entries)


async def _erase_origins(tx: WriteTx, person: Person) -> int:
    sessions = await repository.by_ids(tx, Session, "id", person.session_ids)
    return await repository.forget_origins(tx, person.actors, person.user_ids, sessions)


async def _erase_exports(tx: WriteTx, person: Person) -> int:
    """Files that were made about the person before."""
    count = 0
    for export in await repository.hold_exports(tx):
        kept = readable(export, "subject", person.unreadable)
        theirs = Subject() if kept is None else Subject.of(kept)
        same = any(
            mine is not None and mine == other
            for mine, other in zip(person.subject.as_json().values(), theirs.as_json().values(), strict=True)
        )
        if same or {*(export.user_ids or ()), *(export.session_ids or ())} & {
            *map(str, person.user_ids),
            *map(str, person.session_ids),
        }:
            export.content = export.subject = export.content_ends_at = None
            count += 1
    # Whom the others are about is known to nobody: they go, and can be made again.
    return count + await files.destroy_personal(tx)


ERASURE: Mapping[str, Step] = {
    "replies": _erase_replies,
    "accounts": _erase_accounts,
    "users": _erase_users,
    "lists": _erase_lists,
    "sessions": _erase_sessions,
    # Behind what they are made from: hours may lie between two steps, and nothing stands still meanwhile.
    "notifications": _erase_notifications,
    "origins": _erase_origins,
    "exports": _erase_exports,
}

# What goes before a step, portion by portion, each in a transaction of its own, until there is nothing left.
_PORTIONS: Mapping[str, Step] = {"sessions": _erase_some_sessions}


def blank(session: Session) -> None:
    """Take out of a session who it was; that somebody came, waited and was served stays."""
    session.user_identifier = session.email = session.phone = None
    session.visitor_metadata = session.cancel_reason = session.address_hash = None


def _tell_unreadable(request: PrivacyRequest, person: Person) -> None:
    """How many, in the request; which, in the log of the installation. Nothing of what they hold."""
    if person.unreadable:
        known = request.counts.get("unreadable", 0)
        request.counts = {**request.counts, "unreadable": max(known, len(person.unreadable))}
        logger.warning("Sealed values do not open: %s.", ", ".join(sorted(person.unreadable)))


def _finish(tx: WriteTx, request: PrivacyRequest) -> None:
    request.status, request.finished_at = PrivacyRequestStatus.DONE, tx.now()
    note(tx, request, PrivacyRequestDone(dict(request.counts)))


def _fail(tx: WriteTx, request: PrivacyRequest, failure: str, reason: str) -> None:
    request.status, request.finished_at, request.subject = PrivacyRequestStatus.FAILED, tx.now(), None
    request.failure = failure
    note(tx, request, PrivacyRequestFailed(reason))


def _nobody(user: User) -> str:
    # E-mail addresses are unique in a tenant; this one is nobody's anywhere (RFC 2606).
    return f"erased-{user.id.hex}@erased.invalid"
