"""What one GraphQL operation knows: who asks, and where to read and write. Holds factories, no open transaction."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast
from uuid import UUID

from strawberry.dataloader import DataLoader
from strawberry.types import Info as StrawberryInfo

from app.core.actor import ANONYMOUS, Actor, ActorKind, Origin
from app.core.db import ReadTx, WriteTx
from app.core.errors import Unauthenticated
from app.core.ids import Ref, decode
from app.core.live.fanout import Parkable
from app.identity.gate import Passing
from app.runtime import Runtime

LoaderType = TypeVar("LoaderType", bound=DataLoader[Any, Any])


@dataclass(slots=True)
class Context:
    """One operation's context. Sibling fields run side by side, so each opens a block of its own."""

    runtime: Runtime
    actor: Actor
    request_id: str
    address: str | None = None
    agent: str | None = None
    # The name the request came to, as the client says: it chooses a tenant where none is named, and permits nothing.
    host: str | None = None
    # Of what lasts (sockets, streams): told whose tenant is looked at without being the caller's; whether that is new.
    on_visit: Callable[[UUID], bool] | None = None
    # What is asked, with which variables, and as how many requests it counts.
    document: str = ""
    variables: dict[str, Any] | None = None
    requests: int = 1
    # What runs the operation if it is a subscription that can be parked; one that is resumed finds it here.
    feed: Parkable | None = None
    _visited: set[UUID] = field(default_factory=set)
    _loaders: dict[Any, DataLoader[Any, Any]] = field(default_factory=dict)

    def fresh(self) -> "Context":
        """The same caller's context for another operation on the same socket: nothing loaded is carried over."""
        return replace(self, feed=None, _visited=set(), _loaders={})

    @property
    def origin(self) -> Origin:
        """Where the operation came from, for the event log."""
        return Origin.of(self.address, self.agent)

    @property
    def tenant_id(self) -> UUID:
        """The caller's tenant; `Unauthenticated` for strangers."""
        if self.actor.tenant_id is None:
            raise Unauthenticated
        return self.actor.tenant_id

    def ref(self, kind: str, id: str) -> Ref:
        """Decode an id for this caller. `NotFound` if it is another kind's or, for the signed-in, another tenant's."""
        ref = decode(kind, id)
        self.actor.require_tenant(ref.tenant_id, kind)
        return ref

    def public_ref(self, kind: str, id: str) -> Ref:
        """`ref` for what anybody may reach: a visitor who holds a place elsewhere is a stranger here."""
        return decode(kind, id) if self.actor.kind is ActorKind.VISITOR else self.ref(kind, id)

    async def open_ref(self, kind: str, id: str) -> Ref:
        """`public_ref` in a tenant that is served at present: `TenantClosed` while it is suspended."""
        ref = self.public_ref(kind, id)
        if self.actor.tenant_id != ref.tenant_id:
            await self.enter(ref.tenant_id)
            if self.on_visit is not None and self.on_visit(ref.tenant_id):
                # From now on we are told when it closes; here is whether it did before.
                await self.runtime.authenticator.ensure_tenant_open(ref.tenant_id)
        return ref

    async def enter(self, tenant_id: UUID) -> None:
        """Do something in a tenant that may not be one's own: `TenantClosed`, `NotFound`, and what `visit` raises."""
        await self.runtime.authenticator.ensure_tenant_open(tenant_id)
        await self.visit(tenant_id)

    async def visit(self, tenant_id: UUID) -> None:
        """Look at a tenant that may not be one's own: what it demands of operations holds for guests, too.

        `RateLimited`, `DocumentNotTrusted`. An operation counts there once, whatever it shows.
        """
        if tenant_id != self.actor.tenant_id and tenant_id not in self._visited:
            self._visited.add(tenant_id)
            await self.runtime.gate.admit_guest(self.passing, tenant_id)

    @property
    def passing(self) -> Passing:
        """The operation, as the gate sees it."""
        return Passing(self.actor, self.address, self.document, self.requests)

    def read(self, tenant_id: UUID | None = None, *, snapshot: bool = False) -> AbstractAsyncContextManager[ReadTx]:
        """A read-only block in the caller's tenant, or in the one a public operation names."""
        return self.runtime.dbs.app.read(tenant_id or self.tenant_id, snapshot=snapshot)

    def read_figures(self, tenant_id: UUID | None = None) -> AbstractAsyncContextManager[ReadTx]:
        """`read` for figures, all of one instant: on the replica, if there is one, and so some moments behind."""
        return self.runtime.dbs.figures.read(tenant_id or self.tenant_id, snapshot=True)

    def write(self, tenant_id: UUID | None = None) -> AbstractAsyncContextManager[WriteTx]:
        """A block that changes things in the caller's tenant, or in the one a public operation names."""
        tenant_id = tenant_id or self.tenant_id
        return self.runtime.dbs.app.write(tenant_id, self.actor_in(tenant_id), self.request_id, self.origin)

    def actor_in(self, tenant_id: UUID) -> Actor:
        """Who acts in this tenant: a visitor of elsewhere is a stranger, whom the log must not name."""
        return self.actor if self.actor.tenant_id in (None, tenant_id) else ANONYMOUS

    def platform_read(self) -> AbstractAsyncContextManager[ReadTx]:
        """A read-only block of the platform itself, across tenants. For the platform's own verbs only."""
        return self.runtime.dbs.system.read(None)

    def platform_write(self, tenant_id: UUID) -> AbstractAsyncContextManager[WriteTx]:
        """A block in which the platform changes one tenant. For the platform's own verbs only."""
        return self.runtime.dbs.system.write(tenant_id, self.actor, self.request_id, self.origin)

    def loader(self, build: "Callable[[Context, UUID], LoaderType]", tenant_id: UUID) -> LoaderType:
        """The operation's loader of one kind for one tenant, built on first use: `loader(users_by_id, tenant)`."""
        key = (build, tenant_id)
        if key not in self._loaders:
            self._loaders[key] = build(self, tenant_id)
        return cast(LoaderType, self._loaders[key])


Info = StrawberryInfo[Context, None]
