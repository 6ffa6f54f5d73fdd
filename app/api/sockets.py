"""The sockets of this process: how many there may be, whose they are, and when they must go.

Speaks no protocol; `websocket.py` does.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol
from uuid import UUID

from app.api.occupancy import MostSockets, NoRoom, Occupancy
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
    visited: tuple[UUID, ...]
    """Other tenants it has been shown something of; kept by the registry, empty at first."""
    place: str | None
    """What its address counts as; kept by the registry."""
    seated: bool
    """Whether its actor has been counted; kept by the registry."""

    async def close(self, code: int, reason: str) -> None:
        """Close with a code; safe to call twice."""
        ...

    async def finished(self) -> None:
        """Return once everything the socket ran has ended."""
        ...


class _Tenant:
    """The sockets of this process that a tenant's messages are about, and the task that listens."""

    __slots__ = ("guests", "own", "watcher")

    def __init__(self) -> None:
        self.own: set[Socket] = set()
        self.guests: set[Socket] = set()
        self.watcher: asyncio.Task[None] | None = None


class Sockets:
    """Every open socket of this process.

    With a bus, the topic `tenant:<id>` is watched for each tenant that has sockets here: once it is being received, and
    after any message on it (or a gap in it), each of them is authenticated again. Whoever is no longer good is closed
    with 4401; whoever may do other things than before with 4403, so that the client comes back and every stream is
    permitted anew. So are strangers and other tenants' people who look at something of a tenant that `ensure_open`
    refuses. Each time, before the checks, `on_change` is told: what was remembered of the tenant is stale.

    `on_arrival` and `on_departure` are told whose socket has been let in, and is gone.
    """

    def __init__(
        self,
        *,
        limit: int = 20_000,
        most: MostSockets | None = None,
        bus: Bus | None = None,
        reauthenticate: Reauthenticate | None = None,
        ensure_open: Callable[[UUID], Awaitable[None]] | None = None,
        on_change: Callable[[UUID], None] | None = None,
        on_arrival: Callable[[Actor], None] | None = None,
        on_departure: Callable[[Actor], None] | None = None,
    ) -> None:
        self._occupancy = Occupancy(most or MostSockets(limit))
        self._bus = bus
        self._reauthenticate = reauthenticate
        self._ensure_open = ensure_open
        self._on_change = on_change
        self._on_arrival = on_arrival
        self._on_departure = on_departure
        self._open: set[Socket] = set()
        self._tenants: dict[UUID, _Tenant] = {}
        self._stopping = False

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._open)

    def admit(self, socket: Socket, address: str | None = None) -> None:
        """Take a new socket in. `NoRoom` if this process is full or stopping, or the address has enough."""
        if self._stopping or len(self._open) >= self._occupancy.most.in_all:
            raise NoRoom("Try again later")
        place = self._occupancy.place_of(address)
        self._occupancy.take_place(place)
        socket.place = place
        self._open.add(socket)

    def authenticated(self, socket: Socket) -> None:
        """From here on the socket's actor is watched. `NoRoom` if the caller, or the tenant, has enough."""
        if socket.actor is None or socket.actor.tenant_id is None or socket not in self._open:
            return
        self._occupancy.take_seat(socket.actor)
        socket.seated = True
        self._watched(socket.actor.tenant_id).own.add(socket)
        if self._on_arrival is not None:
            self._on_arrival(socket.actor)

    def visits(self, socket: Socket, tenant_id: UUID) -> bool:
        """From here on the socket shows something of this tenant, whoever's it is; whether that is new."""
        own = socket.actor is not None and socket.actor.tenant_id == tenant_id
        if own or tenant_id in socket.visited or socket not in self._open:
            return False
        socket.visited = (*socket.visited, tenant_id)
        self._watched(tenant_id).guests.add(socket)
        return True

    def discard(self, socket: Socket) -> None:
        """Forget a socket that is gone."""
        if socket in self._open:
            self._open.discard(socket)
            self._occupancy.give_place(socket.place)
            if socket.seated and socket.actor is not None:
                self._occupancy.give_seat(socket.actor)
        own = socket.actor.tenant_id if socket.actor is not None else None
        for tenant_id in (own, *socket.visited):
            if tenant_id is None or (tenant := self._tenants.get(tenant_id)) is None:
                continue
            if socket in tenant.own and socket.actor is not None and self._on_departure is not None:
                self._on_departure(socket.actor)
            tenant.own.discard(socket)
            tenant.guests.discard(socket)
            if not tenant.own and not tenant.guests:
                del self._tenants[tenant_id]
                if tenant.watcher is not None:
                    tenant.watcher.cancel()

    async def on_revoked(self, actor: Actor) -> None:
        """Close this actor's sockets in this process now, without waiting for the bus."""
        tenant = self._tenants.get(actor.tenant_id) if actor.tenant_id else None
        mine = [
            socket
            for socket in (tenant.own if tenant else ())
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
        watchers = [tenant.watcher for tenant in self._tenants.values() if tenant.watcher is not None]
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)

    def _watched(self, tenant_id: UUID) -> _Tenant:
        tenant = self._tenants.get(tenant_id)
        if tenant is None:
            tenant = self._tenants[tenant_id] = _Tenant()
            if self._bus is not None and self._reauthenticate is not None:
                tenant.watcher = asyncio.create_task(
                    self._watch(tenant_id, self._bus, self._reauthenticate), name=f"revocations-{tenant_id}"
                )
        return tenant

    async def _watch(self, tenant_id: UUID, bus: Bus, reauthenticate: Reauthenticate) -> None:
        async with bus.subscribe(f"tenant:{tenant_id}") as feed:
            # Whoever was let in just now was judged by what nobody had contradicted yet.
            await self._surely_check(tenant_id, reauthenticate)
            async for _ in feed:
                feed.take()  # one check answers all that was said so far
                await self._surely_check(tenant_id, reauthenticate)

    async def _surely_check(self, tenant_id: UUID, reauthenticate: Reauthenticate) -> None:
        if self._on_change is not None:
            self._on_change(tenant_id)
        undecided = True
        while undecided:
            undecided = await self._check_guests(tenant_id)
            undecided |= await self._check(tenant_id, reauthenticate)
            if undecided:
                await asyncio.sleep(_RETRY_SECONDS)

    async def _check_guests(self, tenant_id: UUID) -> bool:
        """See whether a tenant may still be looked at; whether that could not be judged."""
        guests = self._tenants[tenant_id].guests if tenant_id in self._tenants else ()
        if self._ensure_open is None or not guests:
            return False
        try:
            await self._ensure_open(tenant_id)
        except CodedError as problem:
            await _close(list(guests), CLOSE_FORBIDDEN, problem.message)
        except Exception:
            logger.exception("A tenant could not be looked up; trying again.")
            return True
        return False

    async def _check(self, tenant_id: UUID, reauthenticate: Reauthenticate) -> bool:
        """Authenticate a tenant's own sockets again; whether some could not be judged."""
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
                    elif now.expires_at != socket.actor.expires_at:
                        # It has a timer for the old end. An API key that is rotated ends sooner than it said.
                        await socket.close(CLOSE_FORBIDDEN, "Credentials changed")
            return False

        own = self._tenants[tenant_id].own if tenant_id in self._tenants else ()
        return any(await asyncio.gather(*(check(socket) for socket in list(own))))


async def _close(sockets: Iterable[Socket], code: int, reason: str) -> None:
    await asyncio.gather(*(socket.close(code, reason) for socket in sockets))
