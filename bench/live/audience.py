"""Everybody who watches one line: visitors in order with a token each, behind as many as may still be called or leave.

Made as copies of one visitor who joined over the API: ten thousand joins would be a benchmark of their own.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

import orjson

from app.core.clock import SystemClock
from app.core.ids import encode
from app.identity.keyring import KeyRing
from app.identity.tokens import Tokens
from bench.benchmark import Bench
from bench.business import Queue
from bench.live.crowd import Talk

DOCUMENT = """subscription Watch($id: ID!) { sessionChanged(sessionId: $id) {
  ticketNumber status position aheadCount estimatedWaitSeconds revision
} }"""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who waits."""

    node_id: str
    token: str


@dataclass(frozen=True, slots=True)
class Audience:
    """Those who watch stand behind those who are `ahead` of them; so many counters are free."""

    queue: Queue
    ahead: list[Visitor]
    watching: list[Visitor]

    @classmethod
    async def gather(cls, bench: Bench, ahead: int, size: int, counters: int) -> "Audience":
        """Let everybody join."""
        business = bench.business
        queue = await business.queue(counters=counters, waiting=ahead + size - 1)
        rows = await business.database.fetch(
            "select id, joined_at from sessions where queue_id = $1 order by rank_class, rank_time, rank_sequence",
            queue.id,
        )
        # A visitor's token needs the secret only, none of the keys of the ring.
        tokens = Tokens(bench.stage.settings, SystemClock(), cast(KeyRing, None))

        def visitor(id: UUID, joined_at: datetime) -> Visitor:
            token = tokens.session_token(business.tenant_id, id, joined_at)
            return Visitor(encode("Session", business.tenant_id, id), token)

        visitors = [visitor(*row) for row in rows]
        return cls(queue, visitors[:ahead], visitors[ahead:])

    def talks(self, document: str = DOCUMENT) -> list[Talk]:
        """What each of them says to subscribe."""
        return [
            talk(document, visitor.node_id, {"authorization": f"Bearer {visitor.token}"}) for visitor in self.watching
        ]


def talk(document: str, session_id: str, payload: dict[str, str] | None = None) -> Talk:
    """What a member of the crowd says."""
    init = {"type": "connection_init", "payload": payload or {}}
    subscribe = {
        "type": "subscribe",
        "id": "1",
        "payload": {"query": document, "variables": {"id": session_id}},
    }
    return orjson.dumps(init), orjson.dumps(subscribe)
