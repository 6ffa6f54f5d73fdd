"""What an endpoint is sent: one event, in the API's words. The same bytes for every try, as long as we run one release.

`VERSION` grows when something is taken away or means something else; what is only added changes nothing for receivers.
"""

from typing import Any, Final
from uuid import UUID

import orjson

from app.core.events import EventRow
from app.core.ids import encode
from app.queues.shown import shown_data

VERSION: Final = 1
_KINDS: Final = {"role": "CustomRole"}


def message_id(delivery_id: UUID) -> str:
    """The `webhook-id` of all tries of a delivery."""
    return f"msg_{delivery_id.hex}"


def kind_of(aggregate_type: str) -> str:
    """The GraphQL type of what an event is about."""
    return _KINDS.get(aggregate_type, "".join(part.title() for part in aggregate_type.split("_")))


def payload(event: EventRow) -> dict[str, Any]:
    """An event as it is sent."""
    kind = kind_of(event.aggregate_type)
    return {
        "type": event.type,
        "timestamp": event.occurred_at,
        "version": VERSION,
        "tenantId": encode("Tenant", event.tenant_id, event.tenant_id),
        "object": {"type": kind, "id": encode(kind, event.tenant_id, event.aggregate_id)},
        "revision": event.revision,
        "data": shown_data(event.data, event.tenant_id),
    }


def body(event: EventRow) -> bytes:
    """`payload` as bytes."""
    return orjson.dumps(payload(event), option=orjson.OPT_UTC_Z)
