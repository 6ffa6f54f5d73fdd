"""The sockets of this process: how many there may be, whose they are, and when they must go.

Speaks no protocol; `websocket.py` does.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Protocol
from uuid import UUID

from app.api.transport import Reauthenticate
from app.core.actor import Actor
from app.core.errors import CodedError, TokenExpired
from app.core.live.bus import Bus

logger = logging.getLogger(__name__)

CLOSE_GOING_AWAY = 1001
CLOSE_TOO_LARGE = 1009
CLOSE_RESTART = 1012
CLOSE_TRY_AGAIN_LATER = 1013
# graphql-ws' own client comes back after 4403, 1001, 1012 and 1013, and gives up after the others.
CLOSE_BAD_REQUEST = 4400
CLOSE_UNAUTHORIZED = 4401
CLOSE_FORBIDDEN = 4403
CLOSE_SUBPROTOCOL = 4406
CLOSE_INIT_TIMEOUT = 4408
CLOSE_DUPLICATE_ID = 4409
CLOSE_TOO_MANY_INITS = 4429

_CHECKS_AT_ONCE = 8
_RETRY_SECONDS = 1.0


class Socket(Protocol):
    """What the registry needs of a socket."""

    actor: Actor | None

    async def close(self, code: int, reason: str) -> None:
        """Close with a code; safe to call twice."""
        ...

    async def finished(self) -> None:
        """Return once everything the socket ran has ended."""
        ...


class Sockets:
    """Every open socket of this process.

    With a bus, the topic `tenant:<id>` is watched for each tenant that has sockets here: after any message on it (or a
    gap in it) each of them is authenticated again. Whoever is no longer good is closed with 4401; whoever may do other
    things than before with 4403, so that the client comes back and every stream is permitted anew. Once per message,
    before the checks, `on_change` is told: what was remembered of the tenant is stale.
    """

    def __init__(
        self,
        *,
        limit: int = 20_000,
        bus: Bus | None = None,
        reauthenticate: Reauthenticate | None = None,
        on_change: Callable[[UUID], None] | None = None,
    ) -> None:
        self._limit = limit
        self._bus = bus
        self._reauthenticate = reauthenticate
        self._on_change = on_change
        self._open: set[Socket] = set()
        self._tenants: dict[UUID, set[Socket]] = {}
        self._watchers: dict[UUID, asyncio.Task[None]] = {}
        self._stopping = False

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._open)

    def admit(self, socket: Socket) -> bool:
        """Take a new socket in, unless this process is full or stopping."""
        if self._stopping or len(self._open) >= self._limit:
            return False
        self._open.add(socket)
        return True

    def authenticated(self, socket: Socket) -> None:
        """From here on the socket's actor is watched."""
        if socket.actor is None or socket.actor.tenant_id is None:
            return
        tenant_id = socket.actor.tenant_id
        self._tenants.setdefault(tenant_id, set()).add(socket)
        if tenant_id not in self._watchers and self._bus is not None and self._reauthenticate is not None:
            self._watchers[tenant_id] = asyncio.create_task(
                self._watch(tenant_id, self._bus, self._reauthenticate), name=f"revocations-{tenant_id}"
            )

    def discard(self, socket: Socket) -> None:
        """Forget a socket that is gone."""
        self._open.discard(socket)
        if socket.actor is None or socket.actor.tenant_id is None:
            return
        tenant_id = socket.actor.tenant_id
        sockets = self._tenants.get(tenant_id, set())
        sockets.discard(socket)
        if not sockets:
            self._tenants.pop(tenant_id, None)
            if (watcher := self._watchers.pop(tenant_id, None)) is not None:
                watcher.cancel()

    async def on_revoked(self, actor: Actor) -> None:
        """Close this actor's sockets in this process now, without waiting for the bus."""
        sockets = self._tenants.get(actor.tenant_id, set()) if actor.tenant_id else set()
        mine = [
            socket
            for socket in sockets
            if socket.actor and (socket.actor.kind, socket.actor.id) == (actor.kind, actor.id)
        ]
        await _close(mine, CLOSE_UNAUTHORIZED, "Revoked")

    async def stop(self, *, within_seconds: float = 5.0) -> None:
        """Close every socket with 1012, so that clients come back to another process, and wait for their operations."""
        self._stopping = True
        sockets = list(self._open)
        try:
            async with asyncio.timeout(within_seconds):
                await _close(sockets, CLOSE_RESTART, "Restarting, come back")
                await asyncio.gather(*(socket.finished() for socket in sockets))
        except TimeoutError:
            logger.warning("Some sockets did not end in time.", extra={"sockets": len(self._open)})
        watchers = list(self._watchers.values())
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)

    async def _watch(self, tenant_id: UUID, bus: Bus, reauthenticate: Reauthenticate) -> None:
        async with bus.subscribe(f"tenant:{tenant_id}") as feed:
            async for _ in feed:
                feed.take()  # one check answers all that was said so far
                if self._on_change is not None:
                    self._on_change(tenant_id)
                undecided = True
                while undecided:
                    undecided = await self._check(tenant_id, reauthenticate)
                    if undecided:
                        await asyncio.sleep(_RETRY_SECONDS)

    async def _check(self, tenant_id: UUID, reauthenticate: Reauthenticate) -> bool:
        """Authenticate a tenant's sockets again; whether some could not be judged."""
        turn = asyncio.Semaphore(_CHECKS_AT_ONCE)

        async def check(socket: Socket) -> bool:
            if socket.actor is None:
                return False
            async with turn:
                try:
                    now = await reauthenticate(socket.actor)
                except TokenExpired:
                    await socket.close(CLOSE_FORBIDDEN, "Token expired")
                except CodedError:
                    await socket.close(CLOSE_UNAUTHORIZED, "Revoked")
                except Exception:
                    # The database is away, say: neither let in for good nor thrown out for that.
                    logger.exception("A socket could not be authenticated again; trying again.")
                    return True
                else:
                    if now.permissions != socket.actor.permissions:
                        await socket.close(CLOSE_FORBIDDEN, "Permissions changed")
            return False

        return any(await asyncio.gather(*(check(socket) for socket in list(self._tenants.get(tenant_id, ())))))


async def _close(sockets: Iterable[Socket], code: int, reason: str) -> None:
    await asyncio.gather(*(socket.close(code, reason) for socket in sockets))
