"""Registering devices that can be pushed to, and forgetting them. Who may do it for whom is decided by who calls."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from pydantic import BaseModel, ValidationError

from app.core.db import ReadTx, WriteTx
from app.core.errors import InvalidInput
from app.core.events import record
from app.core.ids import new_id
from app.notifications.channels.fcm import AppAddress
from app.notifications.channels.webpush import BrowserAddress, PushKeys
from app.notifications.devices import repository
from app.notifications.devices.events import PUSH_DEVICE, PushDeviceRegistered, PushDeviceRemoved
from app.notifications.devices.models import PushDevice, PushDeviceKind, place_of

MAX_DEVICES = 10
"""Of one session or user; a newer one takes the place of the one that was registered first."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose device it is: a session's visitor, or a user."""

    session_id: UUID | None = None
    user_id: UUID | None = None


def browser(endpoint: str, public_key: str, auth_secret: str) -> BrowserAddress:
    """A browser's address. Raises `InvalidInput`, naming what is wrong."""
    try:
        keys = PushKeys(p256dh=public_key, auth=auth_secret)
    except ValidationError as problem:
        name = {"p256dh": "publicKey", "auth": "authSecret"}[str(problem.errors()[0]["loc"][0])]
        raise InvalidInput(f"webPush.{name}", f"`{name}` is none of a browser's subscription.") from None
    try:
        return BrowserAddress(endpoint=endpoint, keys=keys)
    except ValidationError:
        raise InvalidInput("webPush.endpoint", "`endpoint` is an address, at most 1,000 characters long.") from None


def app(token: str) -> AppAddress:
    """An app's address. Raises `InvalidInput`."""
    try:
        return AppAddress(token=token)
    except ValidationError:
        raise InvalidInput("fcmToken", "`fcmToken` is no registration token of FCM.") from None


async def register(tx: WriteTx, owner: Owner, address: BrowserAddress | AppAddress) -> PushDevice:
    """Push to this device from now on; nothing happens if it is registered so already."""
    now, text = tx.now(), _as_text(address)
    device = PushDevice(
        tenant_id=tx.tenant,
        id=new_id(),
        session_id=owner.session_id,
        user_id=owner.user_id,
        kind=PushDeviceKind(address.kind),
        address=text,
        created_at=now,
        updated_at=now,
    )
    is_new = await repository.insert_new(tx, device)
    devices = await repository.lock_of(tx, owner.session_id, owner.user_id)
    mine = next(each for each in devices if place_of(each.address) == place_of(text))
    if is_new:
        _note(tx, mine, PushDeviceRegistered(mine.kind, mine.session_id, mine.user_id))
    elif mine.address != text:
        mine.address, mine.updated_at = text, now
        mine.revision += 1
        _note(tx, mine, PushDeviceRegistered(mine.kind, mine.session_id, mine.user_id))
    for old in [each for each in devices if each is not mine][MAX_DEVICES - 1 :]:
        await _remove(tx, old)
    return mine


async def remove(tx: WriteTx, owner: Owner, place: str) -> bool:
    """Push to the device with this endpoint or token no more; whether it was registered."""
    for device in await repository.lock_of(tx, owner.session_id, owner.user_id):
        if place_of(device.address) == place:
            await _remove(tx, device)
            return True
    return False


async def devices_of(tx: ReadTx, *, session_id: UUID | None = None, user_id: UUID | None = None) -> Sequence[str]:
    """Where a session's visitor or a user is pushed to: `Message.to` of each device, the newest first."""
    return [device.address for device in await repository.of(tx, session_id=session_id, user_id=user_id)]


async def forget(tx: WriteTx, to: str) -> None:
    """The push service says that nobody is there any more: the device is nobody's from now on."""
    for device in await repository.lock_at(tx, to):
        await _remove(tx, device)


async def _remove(tx: WriteTx, device: PushDevice) -> None:
    device.revision += 1
    _note(tx, device, PushDeviceRemoved(device.kind, device.session_id, device.user_id))
    await repository.delete(tx, device)


def _note(tx: WriteTx, device: PushDevice, event: PushDeviceRegistered | PushDeviceRemoved) -> None:
    record(tx, PUSH_DEVICE, device.id, device.revision, event, tx.now())


def _as_text(address: BaseModel) -> str:
    return address.model_dump_json()
