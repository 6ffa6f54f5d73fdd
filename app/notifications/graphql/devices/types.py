"""A device as its owner sees it. Where it is, is shown to nobody again."""

from datetime import datetime

import strawberry

from app.core.graphql.enums import explained_enum
from app.core.graphql.node import Node
from app.notifications.devices import models

PushDeviceKind = explained_enum(
    models.PushDeviceKind,
    "What is pushed to.",
    WEB_PUSH="A browser, through the push service it has named.",
    FCM="An app, through Firebase Cloud Messaging.",
)


@strawberry.type(description="A browser or an app that is pushed to.")
class PushDevice(Node):
    kind: PushDeviceKind = strawberry.field(description="What it is.")  # type: ignore[valid-type]
    created_at: datetime = strawberry.field(description="When it was registered first.")

    @classmethod
    def of(cls, row: models.PushDevice) -> "PushDevice":
        """From its row."""
        return cls(tenant_key=row.tenant_id, key=row.id, kind=row.kind, created_at=row.created_at)
