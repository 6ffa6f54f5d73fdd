"""Reading what a browser needs to subscribe, and one's own devices."""

import strawberry

from app.context import Context, Info
from app.core.errors import NotFound
from app.core.graphql.node import IdArgument
from app.core.graphql.permissions import Public
from app.core.ids import Ref
from app.notifications.devices import repository
from app.notifications.devices.keys import public_push_key
from app.notifications.graphql.devices.types import PushDevice
from app.notifications.graphql.owner import owner


@strawberry.type
class PushDeviceQuery:
    @strawberry.field(
        description=(
            "What a browser subscribes with: `PushManager.subscribe({userVisibleOnly: true, applicationServerKey})`, "
            "in base64url. A business's own, and always the same."
        ),
        extensions=[Public()],
    )
    async def push_public_key(self, info: Info, tenant_id: IdArgument) -> str:
        ref = await info.context.open_ref("Tenant", tenant_id)
        if ref.id != ref.tenant_id:
            raise NotFound("Tenant")
        return public_push_key(info.context.runtime.settings.secret, ref.tenant_id)


async def push_device_node(context: Context, ref: Ref) -> PushDevice | None:
    """One's own device by node id."""
    whose = owner(context)
    async with context.read() as tx:
        row = await repository.find(tx, ref.id)
    if (
        ref.tenant_id != context.tenant_id
        or row is None
        or (row.session_id, row.user_id) != (whose.session_id, whose.user_id)
    ):
        raise NotFound("PushDevice")
    return PushDevice.of(row)


NODES = {"PushDevice": push_device_node}
