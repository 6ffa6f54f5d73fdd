"""Mutations of devices that can be pushed to: each is its owner's own."""

import strawberry

from app.context import Info
from app.core.graphql.permissions import Checked
from app.notifications.devices import service
from app.notifications.graphql.devices import inputs, results
from app.notifications.graphql.devices.types import PushDevice
from app.notifications.graphql.owner import OWN, owner


@strawberry.type
class PushDeviceMutation:
    @strawberry.mutation(
        description=(
            "Have messages pushed to this browser or app: a visitor those about the session, a user those to them. "
            f"At most {service.MAX_DEVICES} each; a further one takes the place of the oldest."
        ),
        extensions=[Checked(OWN)],
    )
    async def push_device_register(
        self, info: Info, input: inputs.PushDeviceRegisterInput
    ) -> results.PushDeviceRegisterResult:
        whose = owner(info.context)
        address = input.address()
        async with info.context.write() as tx:
            device = await service.register(tx, whose, address)
        return results.PushDeviceRegisterSuccess(push_device=PushDevice.of(device))

    @strawberry.mutation(
        description="Push to this browser or app no more. Nothing happens if it was not registered.",
        extensions=[Checked(OWN)],
    )
    async def push_device_remove(
        self, info: Info, input: inputs.PushDeviceRemoveInput
    ) -> results.PushDeviceRemoveResult:
        whose = owner(info.context)
        place = input.place()
        async with info.context.write() as tx:
            removed = await service.remove(tx, whose, place)
        return results.PushDeviceRemoveSuccess(removed=removed)
