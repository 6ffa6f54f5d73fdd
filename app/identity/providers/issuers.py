"""What issuers say about themselves: endpoints and keys, asked for once in a while and remembered. Believed no further.

Everything is fetched through checked addresses. A key that is not known yet is looked for once more, but not on
everybody's word: half a minute passes between two looks.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

import orjson
from authlib.oidc.discovery import get_well_known_url
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, KeySet

from app.core.clock import Clock
from app.core.outbound import Answer, Network, NoAnswer, send
from app.identity.providers.errors import ProviderUnreachable
from app.identity.providers.values import is_askable

logger = logging.getLogger(__name__)

LIFETIME = timedelta(minutes=10)
# How often keys are looked for that a token names and we do not know.
PATIENCE = timedelta(seconds=30)
# Who asks in vain asks again soon, but not all at once.
FAILED_FOR = timedelta(seconds=3)
MOST_BYTES = 262_144
_MOST_KNOWN = 1_000

# Those of an asymmetric key: what a client's secret verifies, whoever knows the secret can sign.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA")

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Metadata:
    """Where an issuer is asked, and how."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    auth_methods: tuple[str, ...]
    algorithms: tuple[str, ...]
    names_itself: bool


@dataclass(frozen=True, slots=True)
class _Entry:
    task: "asyncio.Task[object]"
    asked_at: datetime


class Issuers:
    """What one process knows. Belongs to the loop that uses it."""

    def __init__(self, clock: Clock, allowed: Sequence[Network], timeout_seconds: float) -> None:
        self._clock = clock
        self._timeout_seconds = timeout_seconds
        self._known: dict[str, _Entry] = {}
        self.allowed = tuple(allowed)

    async def metadata(self, issuer: str) -> Metadata:
        """An issuer's own description. `ProviderUnreachable` where there is none that can be used."""
        url = get_well_known_url(issuer, external=True)
        return await self._remembered(url, LIFETIME, lambda: self._load_metadata(url))

    async def keys(self, jwks_uri: str, kid: str | None) -> KeySet:
        """An issuer's keys, the one of this name among them if there is one. `ProviderUnreachable`."""
        keys = await self._remembered(jwks_uri, LIFETIME, lambda: self._load_keys(jwks_uri))
        if kid is None or any(key.kid == kid for key in keys.keys):
            return keys
        return await self._remembered(jwks_uri, PATIENCE, lambda: self._load_keys(jwks_uri))

    def forget(self) -> None:
        """Ask everybody again."""
        self._known.clear()

    async def ask(self, method: str, url: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Answer:
        """One request. `ProviderUnreachable` without an answer."""
        given = {"Accept": "application/json"} | (headers or {})
        try:
            return await send(
                method,
                url,
                given,
                body,
                timeout_seconds=self._timeout_seconds,
                body_bytes=MOST_BYTES,
                allowed=self.allowed,
            )
        except NoAnswer as problem:
            raise ProviderUnreachable(problem.reason) from None

    async def document(self, url: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
        """What is at an address, as an object of JSON. `ProviderUnreachable`."""
        answer = await self.ask("GET", url, headers)
        if answer.status != 200:
            raise ProviderUnreachable(f"It answers with status {answer.status}.")
        try:
            found = orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            found = None
        if not isinstance(found, dict):
            raise ProviderUnreachable("It does not answer with an object of JSON.")
        return found

    async def _load_metadata(self, url: str) -> Metadata:
        found = await self.document(url)
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            self._ensure_askable(found, name)
        if found.get("userinfo_endpoint") is not None:
            self._ensure_askable(found, "userinfo_endpoint")
        if not isinstance(found.get("issuer"), str):
            raise ProviderUnreachable("Its description has no `issuer`.")
        offered = _texts(found, "id_token_signing_alg_values_supported") or ("RS256",)
        return Metadata(
            issuer=found["issuer"],
            authorization_endpoint=found["authorization_endpoint"],
            token_endpoint=found["token_endpoint"],
            jwks_uri=found["jwks_uri"],
            userinfo_endpoint=found.get("userinfo_endpoint"),
            auth_methods=_texts(found, "token_endpoint_auth_methods_supported") or ("client_secret_basic",),
            algorithms=tuple(each for each in offered if each in ALGORITHMS),
            names_itself=found.get("authorization_response_iss_parameter_supported") is True,
        )

    def _ensure_askable(self, found: dict[str, Any], name: str) -> None:
        if not is_askable(found.get(name), self.allowed):
            raise ProviderUnreachable(f"Its description has no `{name}` that may be asked: https:// is needed.")

    async def _load_keys(self, url: str) -> KeySet:
        listed = (await self.document(url)).get("keys")
        keys = []
        for each in listed if isinstance(listed, list) else []:
            try:
                if each.get("use") in (None, "sig") and each.get("kty") != "oct":
                    keys.append(JWKRegistry.import_key(each))
            except (JoseError, ValueError, TypeError, KeyError, AttributeError):
                # One we do not understand is no reason to refuse those we do.
                logger.info("A key of a provider cannot be read.", extra={"url": url})
        if not keys:
            raise ProviderUnreachable("It publishes no keys.")
        return KeySet(keys)

    async def _remembered(self, url: str, lifetime: timedelta, load: Callable[[], Awaitable[Found]]) -> Found:
        now = self._clock.now()
        entry = self._known.get(url)
        if entry is None or entry.asked_at + (FAILED_FOR if _has_failed(entry.task) else lifetime) <= now:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            # Registered before anybody waits, so that what all ask at once is asked once.
            entry = self._known[url] = _Entry(asyncio.create_task(_run(load), name="issuer"), now)
        # Shielded: the one who gives up must not take the answer from the others.
        return cast(Found, await asyncio.shield(entry.task))


async def _run(load: Callable[[], Awaitable[object]]) -> object:
    return await load()


def _has_failed(task: "asyncio.Task[object]") -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


def _texts(found: dict[str, Any], name: str) -> tuple[str, ...]:
    value = found.get(name)
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()
