"""What every operation has to pass before anything of it runs: budgets, and known documents where only those may run.

Counts and looks up; who somebody is, and what they may do, was or will be decided elsewhere.
"""

from dataclasses import dataclass
from uuid import UUID

from app.core.actor import Actor, ActorKind
from app.core.errors import DocumentNotTrusted
from app.core.graphql.trusted import TrustedDocuments
from app.core.limits import CLIENT_REQUESTS, TENANT_REQUESTS, Balance, Limiter, Spending
from app.identity.authentication import Authenticator
from app.settings import Settings

_WITHOUT_END = 10**12


@dataclass(frozen=True, slots=True)
class Passing:
    """An operation that wants to run."""

    actor: Actor
    address: str | None
    document: str
    requests: int
    """As how many it counts."""


class Gate:
    """One process's gate."""

    def __init__(
        self, settings: Settings, limiter: Limiter, authenticator: Authenticator, trusted: TrustedDocuments
    ) -> None:
        self._settings = settings
        self._limiter = limiter
        self._authenticator = authenticator
        self.trusted = trusted

    @property
    def most(self) -> int:
        """Requests a minute of one client."""
        return self._settings.rate_limit_requests

    async def admit(self, passing: Passing) -> Balance | None:
        """Let an operation pass, at its own cost; what is left to the client, if that is known.

        Raises `RateLimited`, `DocumentNotTrusted`. What is not trusted costs as much, so that nobody tries for free.
        """
        tenant_id, balances = passing.actor.tenant_id, []
        demands = None if tenant_id is None else await self._authenticator.demands_of(tenant_id)
        # Asked here as well, because telling whose budget it is costs more than all else on this way.
        if not self._limiter.is_exempt(passing.address):
            spendings = [self._client(passing)]
            if tenant_id is not None and demands is not None:
                spendings.append(_tenant(tenant_id, demands.requests_per_minute, passing.requests))
            balances = await self._limiter.spend(spendings, passing.address)
        only_trusted = self._settings.trusted_documents_only or (demands is not None and demands.trusted_documents_only)
        if only_trusted and passing.document not in self.trusted:
            raise DocumentNotTrusted
        return balances[0] if balances and self.most else None

    async def admit_guest(self, passing: Passing, tenant_id: UUID) -> None:
        """Let an operation look at a tenant that is not the caller's: there, too, it counts, and demands are met."""
        demands = await self._authenticator.demands_of(tenant_id)
        if demands is None:
            return
        spending = _tenant(tenant_id, demands.requests_per_minute, passing.requests)
        await self._limiter.spend([spending], passing.address)
        if demands.trusted_documents_only and passing.document not in self.trusted:
            raise DocumentNotTrusted

    async def admit_by_link(self, actor: Actor, address: str | None, tenant_id: UUID) -> None:
        """Let somebody do something by a link, on a page of ours: it counts as one request. `RateLimited`."""
        demands = await self._authenticator.demands_of(tenant_id)
        spendings = [self._client(Passing(actor, address, "", 1))]
        if demands is not None:
            spendings.append(_tenant(tenant_id, demands.requests_per_minute, 1))
        await self._limiter.spend(spendings, address)

    async def requests_of(self, tenant_id: UUID) -> int | None:
        """How many requests of a tenant's budget are used; None while nobody can tell."""
        asked = await self._limiter.look(_tenant(tenant_id, _WITHOUT_END, 0))
        return None if asked is None else _WITHOUT_END - asked.left

    async def turned_away(self, address: str | None) -> None:
        """Count a request whose sender is not let in. `RateLimited` if there were too many from that address."""
        await self._limiter.spend([self._from(address, 1)], address)

    def _client(self, passing: Passing) -> Spending:
        actor = passing.actor
        if actor.id is None or actor.kind is ActorKind.SYSTEM:
            return self._from(passing.address, passing.requests)
        return Spending(f"client/{actor.label}", self.most, passing.requests, CLIENT_REQUESTS)

    def _from(self, address: str | None, requests: int) -> Spending:
        return Spending(f"client/{self._limiter.place_of(address)}", self.most, requests, CLIENT_REQUESTS)


def _tenant(tenant_id: UUID, most: int, requests: int) -> Spending:
    return Spending(f"tenant/{tenant_id}", most, requests, TENANT_REQUESTS)
