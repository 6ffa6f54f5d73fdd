"""Every statement about devices that can be pushed to."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from app.core.db import ReadTx, WriteTx
from app.core.personal.sealed import sealed
from app.notifications.devices.models import PushDevice


async def insert_new(tx: WriteTx, device: PushDevice) -> bool:
    """Write a device unless its owner has registered it already; whether it was new."""
    statement = insert(PushDevice).values(device.model_dump()).on_conflict_do_nothing()
    found = await tx.exec(statement.returning(col(PushDevice.id)))
    return found.first() is not None


async def lock_of(tx: WriteTx, session_id: UUID | None, user_id: UUID | None) -> Sequence[PushDevice]:
    """An owner's devices, newest first, held until the transaction ends."""
    statement = (
        select(PushDevice)
        .where(
            PushDevice.tenant_id == tx.tenant,
            col(PushDevice.session_id).is_not_distinct_from(session_id),
            col(PushDevice.user_id).is_not_distinct_from(user_id),
        )
        .order_by(col(PushDevice.updated_at).desc(), col(PushDevice.id).desc())
    )
    return (await tx.exec(statement.with_for_update().execution_options(populate_existing=True))).all()


async def lock_at(tx: WriteTx, address: str) -> Sequence[PushDevice]:
    """All registrations of a device, held until the transaction ends."""
    statement = select(PushDevice).where(
        PushDevice.tenant_id == tx.tenant, sealed(PushDevice.address).matches(tx.tenant, address)
    )
    statement = statement.order_by(col(PushDevice.id)).with_for_update()
    return (await tx.exec(statement.execution_options(populate_existing=True))).all()


async def of(tx: ReadTx, *, session_id: UUID | None = None, user_id: UUID | None = None) -> Sequence[PushDevice]:
    """The devices of a session or a user, newest first."""
    whose = PushDevice.session_id == session_id if user_id is None else PushDevice.user_id == user_id
    statement = select(PushDevice).where(PushDevice.tenant_id == tx.tenant, whose)
    return (await tx.exec(statement.order_by(col(PushDevice.updated_at).desc(), col(PushDevice.id).desc()))).all()


async def find(tx: ReadTx, device_id: UUID) -> PushDevice | None:
    """A device of the tenant, if there is one."""
    return await tx.get(PushDevice, (tx.tenant, device_id), populate_existing=True)


async def delete(tx: WriteTx, device: PushDevice) -> None:
    """Delete it."""
    await tx.delete(device)
