"""Writing out a broadcast: who waits, in portions, each with its messages in one transaction. Sends nothing.

Everything may run twice and beside itself: the portions are jobs with keys of their own, and a portion's messages and
its being counted are one commit with its job's being done.
"""

from collections.abc import Sequence
from uuid import UUID

from app.core.db import WriteTx
from app.core.jobs.context import write_jobs
from app.core.jobs.lanes import Lane
from app.core.jobs.repository import NewJob
from app.identity.factors.rules import dialled
from app.notifications import texts
from app.notifications.broadcasts import repository, rules
from app.notifications.broadcasts.models import Broadcast, BroadcastStatus
from app.notifications.broadcasts.rules import Words
from app.notifications.devices.service import devices_of
from app.notifications.models import NotificationChannel, NotificationKind
from app.notifications.owing import Owed, owe
from app.notifications.preferences import service as preferences
from app.notifications.preferences.service import Asked, Decision, Recipient, Send
from app.notifications.rules import languages
from app.notifications.texts import Text, Value
from app.queues import repository as queues
from app.sessions.models import Session
from app.settings import Settings
from app.tenants import repository as tenants
from app.tenants.service import settings_in

WRITE_PORTION = "notifications.broadcast_portion"
"""The job that writes one portion's messages; `tasks.py` declares it."""


async def begin(tx: WriteTx, broadcast_id: UUID) -> None:
    """Look who waits, and divide them. Whoever joins from now on gets nothing."""
    broadcast = await repository.lock(tx, broadcast_id)
    if broadcast.status is not BroadcastStatus.RUNNING or broadcast.people is not None:
        return
    ids = await repository.waiting_ids(tx, broadcast.queue_id)
    portions = rules.portions(len(ids))
    await repository.note_people(tx, broadcast_id, len(ids), portions, tx.now())
    await write_jobs(
        tx,
        [
            NewJob(
                tx.tenant,
                WRITE_PORTION,
                {"broadcastId": str(broadcast_id), "sessionIds": [str(id) for id in portion]},
                f"broadcast:{broadcast_id}:{number}",
                tx.request_id,
                lane=Lane.BULK,
            )
            for number in range(portions)
            for portion in [ids[number * rules.PORTION : (number + 1) * rules.PORTION]]
        ],
    )


async def write_portion(tx: WriteTx, settings: Settings, broadcast_id: UUID, session_ids: Sequence[UUID]) -> None:
    """Write the messages of these people, and count them."""
    broadcast = await repository.get(tx, broadcast_id)
    if broadcast.status is not BroadcastStatus.RUNNING:
        return
    sessions = await repository.still_waiting(tx, broadcast.queue_id, session_ids)
    owed, told = await _messages(tx, settings, broadcast, sessions)
    await owe(tx, owed)
    gone = len(session_ids) - len(sessions)
    await repository.note_portion(
        tx, broadcast_id, told=told, gone=gone, unreachable=len(sessions) - told, now=tx.now()
    )


async def _messages(
    tx: WriteTx, settings: Settings, broadcast: Broadcast, sessions: Sequence[Session]
) -> tuple[list[Owed], int]:
    """What is owed to these people, and how many of them are told."""
    ways: list[tuple[Session, NotificationChannel, str]] = []
    for session in sessions:
        for channel in map(NotificationChannel, broadcast.channels):
            ways += [(session, channel, address) for address in await _addresses(tx, session, channel)]
    asked = [
        Asked(Recipient(address, session.id), NotificationKind.BROADCAST, channel) for session, channel, address in ways
    ]
    decisions = await preferences.decide_all(tx, asked)
    chosen = await preferences.chosen_locales(tx, [each.to for each in asked])
    tenant, queue = await tenants.get(tx, tx.tenant), await queues.get(tx, broadcast.queue_id)
    default = settings_in(tenant).default_locale
    given = [Words(each["locale"], Text(each["subject"], each["body"])) for each in broadcast.texts]
    link = f"https://{tenant.domain}" if tenant.domain else settings.base_url
    owed: list[Owed] = []
    told: dict[UUID, NotificationChannel] = {}
    for (session, channel, address), decision, locale in zip(ways, decisions, chosen, strict=True):
        if not broadcast.every_channel and told.get(session.id, channel) is not channel:
            continue
        said = rules.spoken(given, languages(locale, session.locale, default))
        values: dict[str, Value] = {
            "ticketNumber": session.ticket_number,
            "queueName": queue.name,
            "tenantName": tenant.name,
            "link": link,
        }
        owed.append(_owed(broadcast, session, channel, address, decision, said, values))
        if isinstance(decision, Send):
            told.setdefault(session.id, channel)
    return owed, len(told)


def _owed(
    broadcast: Broadcast,
    session: Session,
    channel: NotificationChannel,
    address: str,
    decision: Decision,
    said: Words,
    values: dict[str, Value],
) -> Owed:
    filled = texts.fill_in(said.text, values, channel=channel, locale=said.locale)
    return Owed(
        # The start's event is not known here, and there is one broadcast for each.
        event_id=broadcast.id,
        kind=NotificationKind.BROADCAST,
        channel=channel,
        recipient=address,
        locale=said.locale,
        subject=filled.subject,
        body=filled.body,
        queue_id=broadcast.queue_id,
        session_id=session.id,
        broadcast_id=broadcast.id,
        due_at=decision.not_before if isinstance(decision, Send) else None,
        suppressed=None if isinstance(decision, Send) else decision.reason,
        values=values,
        link=str(values["link"]),
    )


async def _addresses(tx: WriteTx, session: Session, channel: NotificationChannel) -> Sequence[str]:
    found: str | None = None
    match channel:
        case NotificationChannel.EMAIL:
            found = session.email
        case NotificationChannel.SMS | NotificationChannel.WHATSAPP:
            found = dialled(session.phone)
        case NotificationChannel.IN_APP:
            found = f"session:{session.id}"
        case NotificationChannel.PUSH:
            return await devices_of(tx, session_id=session.id)
    return [] if found is None else [found]
