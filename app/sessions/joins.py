"""Joining a queue: `join` is the story of one visitor, `join_all` the same for all who wait at the door together.

Decided purely and in order of coming, under one lock; written in a statement per table. What can be refused is refused
before anything is written, so that nobody's mistake is another's.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from email_validator import EmailNotValidError, validate_email

from app.access.addresses import VisitorAddress
from app.access.models import AccessCode
from app.access.passes import Passes, use
from app.access.rules import ensure_address_has_room
from app.core.actor import NOWHERE, Actor, Origin
from app.core.db import WriteTx
from app.core.errors import CodedError, InvalidInput, NotFound, UserFacingError
from app.core.idempotency import FirstResults, ensure_key
from app.core.ids import new_id
from app.core.texts import ensure_json, ensure_text
from app.identity.permissions import Permission
from app.queues import draws
from app.queues import repository as queues
from app.queues.config import MAX_PRIORITY
from app.queues.disciplines import WHOLE
from app.queues.line import LockedLine, hold_and_ask, keep, write_down
from app.queues.models import QueueCategory
from app.queues.rules import JOINABLE, ensure_joinable, ensure_room
from app.schedules import service as schedules
from app.sessions import events, repository
from app.sessions.errors import AlreadyWaiting, PriorityNotAllowed
from app.sessions.metered.settle import settle
from app.sessions.models import Device, Joined, Session
from app.tenants import service as tenants
from app.tenants.errors import LimitReached

MAX_METADATA_BYTES = 8192
MAX_PARTY_SIZE = 50
# More than the joins that can be on their way at once: some 200 per database connection, of fewer than 100.
_NEAR_LIMIT = 20_000
_SCOPE = "queueJoin"
_LOCALE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")
# At least four digits, whatever stands between them.
_PHONE = re.compile(r"(?=(?:[^0-9]*[0-9]){4})\+?[0-9 ()./-]{4,31}")


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """What a visitor joins with."""

    queue_id: UUID
    user_identifier: str | None = None
    priority: int | None = None
    category_id: UUID | None = None
    # The serial number of an access code of this queue, its signature checked.
    code: int | None = None
    party_size: int = 1
    email: str | None = None
    phone: str | None = None
    locale: str | None = None
    device: Device = Device.BROWSER
    metadata: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Join:
    """A request, and who makes it."""

    request: JoinRequest
    actor: Actor
    request_id: str | None = None
    idempotency_key: str | None = None
    address: VisitorAddress | None = None
    origin: Origin = NOWHERE


Refusal = UserFacingError | CodedError


async def join(tx: WriteTx, request: JoinRequest, idempotency_key: str | None = None) -> Session:
    """Take a place in the line: the next ticket number, at the place the discipline gives.

    Raises `InvalidInput`, `QueueNotOpen`, `QueueFull`, `AlreadyWaiting`, `PriorityNotAllowed`, `AccessCodeRefused`,
    `InvitationRequired`, `AddressLimitReached`, `LimitReached`, `IdempotencyConflict`, `NotFound`.
    """
    alone = Join(request, tx.actor, tx.request_id, idempotency_key, origin=tx.origin)
    (answer,) = await join_all(tx, request.queue_id, [alone])
    if isinstance(answer, UserFacingError | CodedError):
        raise answer
    return await repository.get(tx, answer.id)


async def join_all(tx: WriteTx, queue_id: UUID, joins: Sequence[Join]) -> list[Joined | Session | Refusal]:
    """Let several join one queue, in this order: each gets the place, or the refusal, it would have got alone.

    A `Session` is the first result of a key that was used before. Raises `NotFound` if there is no such queue.
    """
    refusals = [_unusable(one) for one in joins]
    # Unusable values must not reach a statement, where they would fail for everybody.
    door = await _look(tx, queue_id, [one for one, refusal in zip(joins, refusals, strict=True) if refusal is None])
    answers: list[Joined | UUID | Refusal] = []
    for one, refusal in zip(joins, refusals, strict=True):
        tx.act_for(one.actor, one.request_id, one.origin)
        try:
            answers.append(refusal or door.let_in(tx, one))
        except (UserFacingError, CodedError) as refused:
            answers.append(refused)
    if door.joined:
        repository.add_all(tx, queue_id, list(door.joined.values()))
        if door.draw is not None:
            await draws.enter(tx, door.line, door.draw, door.joined.values())
        await door.first_results.write(tx)
        await settle(tx, door.line, door.joined)
        await keep(tx, door.line)
    return [await repository.get(tx, answer) if isinstance(answer, UUID) else answer for answer in answers]


@dataclass(slots=True)
class _Door:
    """What joins are decided on, as it was under the lock, and what they have changed since."""

    line: LockedLine
    first_results: FirstResults
    # What each of the people is found by, and the place each has, had before or just got.
    persons: Mapping[str, bytes]
    places: dict[bytes, UUID]
    categories: Mapping[UUID, QueueCategory]
    passes: Passes
    # Hashes of the addresses this line keeps, and how many have a place from each, if that is limited.
    addresses: Mapping[VisitorAddress, str | None]
    address_places: dict[str, int]
    # The lottery of the pre-queue that runs; when it opens next, if nobody can join.
    draw: draws.Draw | None
    next_opening_at: datetime | None
    tenant_limit: int
    tenant_waiting: int
    joined: dict[UUID, Joined]

    def let_in(self, tx: WriteTx, join: Join) -> Joined | UUID:
        """A place for one more; the session's id where the key was used before. Raises as `join`. Reads nothing."""
        request, line = join.request, self.line
        if (first := self.first_results.get(join.actor, join.idempotency_key, request)) is not None:
            return self.joined.get(first, first)
        ensure_joinable(line.queue.status, self.next_opening_at, line.settings.refusal_message)
        category = self._category(request)
        priority = self._priority(join, category)
        person = None if request.user_identifier is None else self.persons[request.user_identifier]
        if person is not None and (place := self.places.get(person)) is not None:
            raise AlreadyWaiting(tx.tenant, place)
        by_staff = join.actor.may(Permission.SESSION_WRITE)
        granted, code = self.passes.of_person(line, request.user_identifier, request.code, brought_by_staff=by_staff)
        address = None if by_staff or join.address is None else self.addresses.get(join.address)
        if address is not None:
            ensure_address_has_room(line.settings.max_places_per_address, self.address_places.get(address, 0))
        ensure_room(line.settings.capacity, line.row.waiting_count + line.row.held_count)
        if self.tenant_waiting >= self.tenant_limit:
            raise LimitReached("waitingSessions", self.tenant_limit)
        self.line = line = line.later(tx)
        standing = _Standing(max(priority, granted.priority), granted.is_bypassed, category, code, address, person)
        joined = _place(tx, line, request, standing, self.draw)
        if code is not None:
            use(code)
        if address is not None:
            self.address_places[address] = self.address_places.get(address, 0) + 1
        self.joined[joined.id] = joined
        if person is not None:
            self.places[person] = joined.id
        self.tenant_waiting += 1
        if joined.held_at is None:
            line.row.waiting_count += 1
        else:
            line.row.held_count += 1
        self.first_results.remember(join.actor, join.idempotency_key, joined.id, request)
        write_down(tx, line, lambda state: events.SessionJoined(state, events.state_of(joined)))
        return joined

    def _category(self, request: JoinRequest) -> QueueCategory | None:
        if request.category_id is None:
            return None
        if (category := self.categories.get(request.category_id)) is None:
            raise NotFound("QueueCategory")
        if category.queue_id != self.line.queue.id or not category.is_active:
            raise InvalidInput("categoryId", "The category is not offered by this queue.")
        return category

    def _priority(self, join: Join, category: QueueCategory | None) -> int:
        queue, request = self.line.queue, join.request
        if request.priority is None:
            return category.priority if category is not None else 0
        if request.priority > queue.visitor_max_priority and not join.actor.may(Permission.SESSION_WRITE):
            raise PriorityNotAllowed(queue.visitor_max_priority)
        return request.priority


async def _look(tx: WriteTx, queue_id: UUID, joins: Sequence[Join]) -> _Door:
    persons = repository.persons(
        tx, [one.request.user_identifier for one in joins if one.request.user_identifier is not None]
    )
    category_ids = {one.request.category_id for one in joins if one.request.category_id is not None}
    codes = [one.request.code for one in joins if one.request.code is not None]
    asked = (
        queues.tenant_waiting(tx),
        repository.places_of_persons(tx, queue_id, persons.values()),
        FirstResults.asked(tx, _SCOPE, [(one.actor, one.idempotency_key) for one in joins]),
    )
    line, (tenant, places, first_results) = await hold_and_ask(tx, queue_id, *asked)
    if schedules.is_due(line):
        # Closed by its hours, even where no worker has come by yet.
        await schedules.catch_up(tx, queue_id)
        line, (tenant, places, first_results) = await hold_and_ask(tx, queue_id, *asked)
    addresses = _addresses(tx, line, joins)
    counted = [one for one in addresses.values() if one is not None and line.settings.max_places_per_address]
    limit, waiting = queues.read_tenant_waiting(tenant)
    if waiting >= limit - _NEAR_LIMIT:
        # Others join other queues at this moment, under other lines' locks: near the limit, one after the other.
        limit, waiting = (await tenants.hold_limits(tx)).waiting_sessions, await queues.waiting_total(tx)
    return _Door(
        line=line,
        first_results=FirstResults.read(tx, _SCOPE, first_results),
        # Exact, because every join of this queue holds its line; `sessions_person_key` stands behind it.
        persons=persons,
        places=dict(places),
        categories=await queues.categories_by_id(tx, list(category_ids)) if category_ids else {},
        passes=await Passes.of(tx, line, list(persons), codes),
        addresses=addresses,
        address_places=await repository.places_of_addresses(tx, line.queue.id, counted),
        draw=await draws.running(tx, line),
        next_opening_at=None if line.queue.status in JOINABLE else await schedules.next_opening_of(tx, line),
        tenant_limit=limit,
        tenant_waiting=waiting,
        joined={},
    )


def _addresses(tx: WriteTx, line: LockedLine, joins: Sequence[Join]) -> dict[VisitorAddress, str | None]:
    # Kept where places are counted by it, and where admissions are bound to it.
    if line.settings.max_places_per_address is None and not line.queue.bind_address:
        return {}
    return {one.address: one.address.hash(tx.tenant) for one in joins if one.address is not None}


@dataclass(frozen=True, slots=True)
class _Standing:
    """What somebody joins as, decided."""

    priority: int
    is_bypassed: bool
    category: QueueCategory | None
    code: AccessCode | None
    address_hash: str | None
    person: bytes | None


def _place(tx: WriteTx, line: LockedLine, request: JoinRequest, standing: _Standing, draw: draws.Draw | None) -> Joined:
    category, priority = standing.category, standing.priority
    multiplier = WHOLE if category is None else category.multiplier_hundredths
    id = new_id()
    # Who is bypassed goes before everybody without a lot.
    draw = None if standing.is_bypassed else draw
    since = line.now if draw is None else draw.began_at
    rank = line.rank(priority, since, multiplier_hundredths=multiplier, is_bypassed=standing.is_bypassed)
    if draw is not None:
        rank = rank._replace(sequence=draw.lot(tx.tenant, id))
    ticket = line.next_ticket(category)
    fee_seconds = line.queue.payment_seconds
    return Joined(
        tenant_id=tx.tenant,
        id=id,
        queue_id=line.queue.id,
        service_day=ticket.service_day,
        ticket_serial=ticket.serial,
        ticket_number=ticket.number,
        priority=priority,
        rank_class=rank.rank_class,
        rank_time=rank.rank_time,
        rank_sequence=rank.sequence,
        user_identifier=request.user_identifier,
        user_identifier_index=standing.person,
        category_id=request.category_id,
        party_size=request.party_size,
        email=request.email,
        phone=request.phone,
        locale=request.locale,
        visitor_metadata=request.metadata,
        joined_at=line.now,
        address_hash=standing.address_hash,
        access_code_id=None if standing.code is None else standing.code.id,
        ticket_category_id=ticket.category_id,
        lottery_id=None if draw is None else draw.lottery_id,
        device=request.device,
        revision=line.row.revision + 1,
        held_at=None if fee_seconds is None else line.now,
        payment_due_at=None if fee_seconds is None else line.now + timedelta(seconds=fee_seconds),
    )


def _unusable(join: Join) -> InvalidInput | None:
    try:
        _validate(join)
    except InvalidInput as refusal:
        return refusal
    return None


def _validate(join: Join) -> None:
    request = join.request
    if request.priority is not None and not 0 <= request.priority <= MAX_PRIORITY:
        raise InvalidInput("priority", f"A priority is from 0 to {MAX_PRIORITY}; the higher, the sooner.")
    if not 1 <= request.party_size <= MAX_PARTY_SIZE:
        raise InvalidInput("partySize", f"`partySize` is from 1 to {MAX_PARTY_SIZE}.")
    if request.user_identifier is not None:
        ensure_text("userIdentifier", request.user_identifier, 1, 200)
    if request.locale is not None and not _LOCALE.fullmatch(request.locale):
        raise InvalidInput("locale", "`locale` is a language tag such as `en` or `pt-BR`.")
    if request.phone is not None and not _PHONE.fullmatch(request.phone):
        raise InvalidInput("contact.phone", "A phone number has at least 4 digits, and at most 32 characters.")
    if request.email is not None:
        try:
            validate_email(request.email, check_deliverability=False)
        except EmailNotValidError as error:
            raise InvalidInput("contact.email", f"Not an e-mail address: {error}") from None
    ensure_json("metadata", request.metadata, MAX_METADATA_BYTES)
    ensure_key(join.idempotency_key)
