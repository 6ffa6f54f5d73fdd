"""To a provider and back: what a browser takes along, what it brings back, and the code it fetches a sign-in with.

Nothing is stored for somebody who sets out: what has to fit later is sealed into a cookie of their own browser, under
the name of the `state` that travels. So nobody can begin what another browser ends. Opens no sign-in: it proves.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag

from app.core.actor import SYSTEM
from app.core.db import Databases
from app.core.errors import InvalidInput
from app.core.ids import Ref, new_id
from app.identity import repository as users
from app.identity.models import UserStatus
from app.identity.proofs import UNKNOWN, Method, Proven, Source
from app.identity.providers import people, repository
from app.identity.providers.conversation import Conversations, Returned, Sent
from app.identity.providers.errors import LoginCodeInvalid, NotLetIn, ProviderUnavailable, ProviderUnreachable, Reason
from app.identity.providers.models import IdentityProvider, ProofPurpose, ProviderProof
from app.identity.providers.secrets import (
    Unsealable,
    answers,
    hashed,
    is_challenge,
    new_code,
    new_secret,
    tenant_of_code,
)
from app.identity.providers.values import origin_of
from app.settings import Settings
from app.tenants import repository as tenants
from app.tenants import rules as tenant_rules
from app.tenants.models import TenantStatus

logger = logging.getLogger(__name__)

# From setting out to coming back: somebody may have to find their telephone.
JOURNEY_LASTS = timedelta(minutes=10)
# From coming back to fetching the sign-in: a front-end does it at once.
CODE_LASTS = timedelta(minutes=1)
# What is sealed for one of the two is nothing at the other.
_TICKET, _STATE = "ticket:", "state:"


@dataclass(frozen=True, slots=True)
class Journey:
    """What has to fit when somebody comes back."""

    tenant_id: UUID
    provider_id: UUID
    purpose: ProofPurpose
    # Of LINK: who asked.
    user_id: UUID | None
    return_url: str
    challenge: str
    nonce: str
    verifier: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Departure:
    """Where a browser is sent, and what it keeps meanwhile: nothing where it is sent straight back."""

    address: str
    cookie: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Arrival:
    """Where somebody who is back is sent on to; the cookie of that name is used up. `error` where they are refused."""

    address: str
    cookie_name: str
    error: Reason | None


class Journeys:
    """One process's way of sending people to providers."""

    def __init__(self, settings: Settings, dbs: Databases) -> None:
        self._settings = settings
        self._dbs = dbs
        self._clock = dbs.app.clock
        self.conversations = Conversations(settings, self._clock)
        self._sealer = self.conversations.sealer

    async def set_out(self, tenant_slug: str, provider_slug: str, return_url: str, challenge: str) -> Departure:
        """To sign in. Raises `InvalidInput`, `ProviderUnavailable`."""
        async with self._dbs.system.read(None) as tx:
            tenant = await tenants.by_slug(tx, tenant_rules.slug_to_look_up(tenant_slug))
        if tenant is None or tenant.status is not TenantStatus.ACTIVE:
            raise ProviderUnavailable
        provider = await self._offered(tenant.id, provider_slug)
        self.ensure_may_return(provider, return_url, challenge)
        return await self._depart(self._journey(provider, ProofPurpose.SIGN_IN, None, return_url, challenge), provider)

    async def ticket_to_link(self, user: Ref, provider_slug: str, return_url: str, challenge: str) -> str:
        """For a user who wants to be known by a provider: where their browser sets out.

        Raises `InvalidInput`, `ProviderUnavailable`.
        """
        provider = await self._offered(user.tenant_id, provider_slug)
        self.ensure_may_return(provider, return_url, challenge)
        journey = self._journey(provider, ProofPurpose.LINK, user.id, return_url, challenge)
        sealed = self._sealer.seal_text(orjson.dumps(journey, default=str), _TICKET)
        return f"{self._settings.base_url}/auth/link?{urlencode({'ticket': sealed})}"

    async def set_out_to_link(self, ticket: str) -> Departure:
        """With a ticket. `NotLetIn` if it has expired, `ProviderUnavailable`."""
        journey = self._opened(ticket, _TICKET)
        return await self._depart(journey, await self._provider(journey))

    async def come_back(
        self, callback_key: str, query: Mapping[str, str], cookies: Mapping[str, str], source: Source = UNKNOWN
    ) -> Arrival:
        """What follows from an answer. `NotLetIn` if nobody knows where to send this browser on to."""
        state = query.get("state", "")
        name = self.cookie_name(state)
        journey = self._opened(cookies.get(name, ""), _STATE + state)
        try:
            provider = await self._provider(journey)
            if self.conversations.client(provider).callback_key != callback_key:
                # An answer that was meant for another provider, led here by one that means ill.
                raise NotLetIn(Reason.PROVIDER_FAILED, "it answers where another one should")
            sent = Sent(state, journey.nonce, journey.verifier)
            code = await self._proved(provider, journey, sent, query, source)
        except ProviderUnavailable:
            return Arrival(_with(journey.return_url, error=Reason.PROVIDER_FAILED), name, Reason.PROVIDER_FAILED)
        except NotLetIn as refused:
            logger.info(
                "Nobody was let in by a provider.",
                extra={"reason": refused.reason, "detail": refused.detail, "provider_id": str(journey.provider_id)},
            )
            return Arrival(_with(journey.return_url, error=refused.reason), name, refused.reason)
        return Arrival(_with(journey.return_url, code=code), name, None)

    async def proven(self, code: str, verifier: str, source: Source = UNKNOWN) -> Proven:
        """Who fetches a sign-in. Whatever comes of it, the code is used up. `LoginCodeInvalid`."""
        tenant_id = tenant_of_code(code)
        if tenant_id is None:
            raise LoginCodeInvalid
        async with self._dbs.app.write(tenant_id, SYSTEM, source.request_id, source.origin) as tx:
            proof = await repository.hold_proof(tx, hashed(code))
            if proof is None or proof.used_at is not None:
                user = None
            else:
                proof.used_at = tx.now()
                good = proof.purpose is ProofPurpose.SIGN_IN and tx.now() < proof.expires_at
                user = await users.get(tx, proof.user_id) if good and answers(proof.challenge, verifier) else None
        if user is None:
            raise LoginCodeInvalid
        return Proven(user, frozenset({Method.PROVIDER}))

    def ensure_may_return(self, provider: IdentityProvider, return_url: str, challenge: str) -> None:
        """`InvalidInput` unless it is an address people may be sent back to, and a challenge by S256."""
        if not return_url:
            raise InvalidInput(
                "returnUrl", "Where to send people back to is missing, or too long: give it as `return`."
            )
        origin = origin_of(return_url)
        if origin is None or origin not in {
            origin_of(self._settings.base_url),
            *provider.return_origins,
            *self._settings.cors_origins,
        }:
            raise InvalidInput("returnUrl", "Nobody is sent back there: its origin has to be one of `returnOrigins`.")
        if not is_challenge(challenge):
            raise InvalidInput(
                "challenge", "`challenge` is the SHA-256 of the verifier in base64url without padding, 43 characters."
            )

    def cookie_name(self, state: str) -> str:
        """How the cookie is called that belongs to a state."""
        prefix = "__Secure-" if self.is_secure else ""
        return f"{prefix}vq_auth_{hashed(state)[:16]}"

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach us with TLS."""
        return self._settings.base_url.startswith("https://")

    async def _depart(self, journey: Journey, provider: IdentityProvider) -> Departure:
        sent = Sent(new_secret(), journey.nonce, journey.verifier)
        try:
            address = await self.conversations.address(provider, sent)
        except ProviderUnreachable as problem:
            logger.warning(
                "A provider cannot be used.", extra={"detail": problem.reason, "provider_id": str(provider.id)}
            )
            return Departure(_with(journey.return_url, error=Reason.PROVIDER_FAILED), None)
        sealed = self._sealer.seal_text(orjson.dumps(journey, default=str), _STATE + sent.state)
        return Departure(address, (self.cookie_name(sent.state), sealed))

    async def _offered(self, tenant_id: UUID, slug: str) -> IdentityProvider:
        """The provider people can sign in with. `ProviderUnavailable`."""
        async with self._dbs.app.read(tenant_id) as tx:
            provider = await repository.by_slug(tx, slug.replace("\x00", ""))
        if provider is None or not provider.enabled:
            raise ProviderUnavailable
        return provider

    async def _provider(self, journey: Journey) -> IdentityProvider:
        async with self._dbs.app.read(journey.tenant_id) as tx:
            tenant = await tenants.find(tx, journey.tenant_id)
            provider = await repository.find(tx, journey.provider_id)
        if provider is None or not provider.enabled or tenant is None or tenant.status is not TenantStatus.ACTIVE:
            raise ProviderUnavailable
        return provider

    async def _proved(
        self, provider: IdentityProvider, journey: Journey, sent: Sent, query: Mapping[str, str], source: Source
    ) -> str:
        """The code for whom the provider vouches for. `NotLetIn`."""
        if "error" in query:
            # Facebook and others say the first, OpenID Connect knows the others as well.
            cancelled = query["error"] in ("access_denied", "login_required", "interaction_required")
            raise NotLetIn(Reason.CANCELLED if cancelled else Reason.PROVIDER_FAILED, "it answers with an error")
        if "code" not in query:
            raise NotLetIn(Reason.PROVIDER_FAILED, "it answers with nothing")
        try:
            person = await self.conversations.person(provider, sent, Returned(query["code"], query.get("iss")))
        except InvalidTag:
            raise NotLetIn(Reason.PROVIDER_FAILED, "its client secret was sealed with another VQ_SECRET_KEY") from None
        async with self._dbs.app.write(journey.tenant_id, SYSTEM, source.request_id, source.origin) as tx:
            if journey.purpose is ProofPurpose.LINK:
                assert journey.user_id is not None
                user = await users.get(tx, journey.user_id)
                if user.status is not UserStatus.ACTIVE:
                    raise NotLetIn(Reason.NOT_ACTIVE)
                if not await people.may_be_linked(tx, user, provider, person.subject):
                    raise NotLetIn(Reason.IDENTITY_TAKEN)
            else:
                user = await people.recognise(tx, provider, person)
            code = new_code(tx.tenant)
            is_link = journey.purpose is ProofPurpose.LINK
            tx.add(
                ProviderProof(
                    tenant_id=tx.tenant,
                    id=new_id(),
                    purpose=journey.purpose,
                    provider_id=provider.id,
                    user_id=user.id,
                    code_hash=hashed(code),
                    challenge=journey.challenge,
                    subject=person.subject if is_link else None,
                    email=person.email if is_link else None,
                    created_at=tx.now(),
                    expires_at=tx.now() + CODE_LASTS,
                )
            )
            await tx.flush()
        return code

    def _journey(
        self, provider: IdentityProvider, purpose: ProofPurpose, user_id: UUID | None, return_url: str, challenge: str
    ) -> Journey:
        return Journey(
            provider.tenant_id,
            provider.id,
            purpose,
            user_id,
            return_url,
            challenge,
            nonce=new_secret(),
            verifier=new_secret(),
            expires_at=self._clock.now() + JOURNEY_LASTS,
        )

    def _opened(self, sealed: str, place: str) -> Journey:
        try:
            kept: dict[str, Any] = orjson.loads(self._sealer.unseal_text(sealed, place))
        except Unsealable:
            raise NotLetIn(Reason.EXPIRED, "nothing of the kind was begun in this browser") from None
        journey = Journey(
            tenant_id=UUID(kept["tenant_id"]),
            provider_id=UUID(kept["provider_id"]),
            purpose=ProofPurpose(kept["purpose"]),
            user_id=None if kept["user_id"] is None else UUID(kept["user_id"]),
            return_url=kept["return_url"],
            challenge=kept["challenge"],
            nonce=kept["nonce"],
            verifier=kept["verifier"],
            expires_at=datetime.fromisoformat(kept["expires_at"]),
        )
        if journey.expires_at <= self._clock.now():
            raise NotLetIn(Reason.EXPIRED, "it took too long")
        return journey


def _with(url: str, **parameters: str) -> str:
    """An address with something added to its query."""
    parts = urlsplit(url)
    added = urlencode({name: str(value) for name, value in parameters.items()})
    return urlunsplit(parts._replace(query=f"{parts.query}&{added}" if parts.query else added))
