"""What events say, in the API's words: for logs, audits and webhooks alike. Reads nothing, and decides who sees what of
one thing only: the lots of a pre-queue, which nobody may know before it opens.
"""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from app.core.ids import encode
from app.queues.models import QueueStatus

# Keys of event data that hold a key of ours, and what it is a key of, where the key's name does not say so itself
# (`shift_id` is of a Shift).
_KINDS: Final = {
    "id": "Session",
    "served_by": "User",
    "to_queue_id": "Queue",
    "from_queue_id": "Queue",
    "provider_id": "IdentityProvider",
}


def shown_data(data: Mapping[str, Any], tenant_id: UUID) -> dict[str, Any]:
    """An event's data: keys in camelCase, opaque ids, and no lots of a pre-queue that runs."""
    return _shown(_without_lots(data), tenant_id)


def camel_case(name: str) -> str:
    """A key as the API has it."""
    head, *tail = name.split("_")
    return head + "".join(part.title() for part in tail)


def _without_lots(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """What happened in a pre-queue without the places: they are lots, which nobody may know before it opens."""
    if "session" not in data or data["line"]["status"] != QueueStatus.PREQUEUE:
        return data
    return {**data, "session": {**data["session"], "rank_class": None, "rank_time": None, "rank_sequence": None}}


def _shown(data: Mapping[str, Any], tenant_id: UUID) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for key, value in data.items():
        kind = _kind_of(key)
        if isinstance(value, dict):
            shown[camel_case(key)] = _shown(value, tenant_id)
        elif kind is None or value is None:
            shown[camel_case(key)] = value
        elif isinstance(value, list):
            shown[camel_case(key)] = [_opaque(kind, tenant_id, each) for each in value]
        else:
            shown[camel_case(key)] = _opaque(kind, tenant_id, value)
    return shown


def _kind_of(key: str) -> str | None:
    if key in _KINDS:
        return _KINDS[key]
    stem = key.removesuffix("_ids") if key.endswith("_ids") else key.removesuffix("_id")
    return None if stem == key else "".join(part.title() for part in stem.split("_"))


def _opaque(kind: str, tenant_id: UUID, value: object) -> object:
    try:
        return encode(kind, tenant_id, UUID(str(value)))
    except ValueError:
        # A name others have given something: a provider's message, say.
        return value
