"""Results of the mutations of devices that can be pushed to."""

from typing import Annotated

import strawberry

from app.core.graphql.errors import InvalidInputError
from app.notifications.graphql.devices.types import PushDevice


@strawberry.type(description="The device is pushed to from now on.")
class PushDeviceRegisterSuccess:
    push_device: PushDevice = strawberry.field(description="The device.")


@strawberry.type(description="The device is pushed to no more.")
class PushDeviceRemoveSuccess:
    removed: bool = strawberry.field(description="Whether it was registered until now.")


PushDeviceRegisterResult = Annotated[
    PushDeviceRegisterSuccess | InvalidInputError,
    strawberry.union("PushDeviceRegisterResult", description="What `pushDeviceRegister` answers."),
]
PushDeviceRemoveResult = Annotated[
    PushDeviceRemoveSuccess | InvalidInputError,
    strawberry.union("PushDeviceRemoveResult", description="What `pushDeviceRemove` answers."),
]
