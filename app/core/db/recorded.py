"""An event in its stored form: what a block has recorded, a log read back, a message of the bus. Not yet understood."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

Aggregate = tuple[str, UUID]
"""Whose event it is: the aggregate's type and id."""


class Recorded(NamedTuple):
    """One event of an aggregate, as it stands in the log. `data` is JSON: texts, numbers, lists and mappings."""

    revision: int
    type: str
    occurred_at: datetime
    data: Mapping[str, Any]
