"""Talking to a provider: where to send a browser, and whom the provider means when it comes back. Decides no sign-in.

Authlib makes the requests and checks the claims; they travel through checked addresses only. Each kind has habits that
are written down here: Microsoft's issuer differs per directory, Google's has two spellings, Facebook has no ID token.
"""

import hashlib
import hmac
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, urlencode

import httpx
from authlib.common.errors import AuthlibBaseError
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry, extract_compact

from app.core.clock import Clock
from app.core.ids import encode
from app.core.outbound import network
from app.identity.providers.claims import Person, person_of
from app.identity.providers.errors import NotLetIn, ProviderUnavailable, ProviderUnreachable, Reason
from app.identity.providers.issuers import Issuers, Metadata
from app.identity.providers.models import IdentityProvider, ProviderKind
from app.identity.providers.secrets import Sealer
from app.identity.providers.values import role_rules_in
from app.settings import Settings

logger = logging.getLogger(__name__)

# Clocks of machines differ.
_LEEWAY_SECONDS = 60
# What libraries make of a stranger's bytes that have another shape than they thought.
_UNREADABLE = (KeyError, ValueError, TypeError, AttributeError, OverflowError, RecursionError)
_MICROSOFT_TEMPLATE = "{tenantid}"
_FACEBOOK_FIELDS = "id,first_name,last_name,email"
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True, slots=True)
class Client:
    """Who we are at a provider. `callback_key` is the last part of the address browsers come back to.

    Each client has an address of its own, so that an answer meant for one provider cannot be passed off as another's.
    """

    id: str
    secret: str | None
    callback_key: str


@dataclass(frozen=True, slots=True)
class Sent:
    """What went along with a browser, and what has to fit when it is back."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Returned:
    """What a browser has brought back."""

    code: str
    issuer: str | None


class _OAuthClient(OAuth2Client):  # type: ignore[misc] # Authlib has no types
    """Authlib's client over our own requests."""

    def __init__(self, issuers: Issuers, client: Client, auth_method: str, scope: str, redirect_uri: str) -> None:
        super().__init__(
            None,
            client_id=client.id,
            client_secret=client.secret,
            token_endpoint_auth_method=auth_method,
            scope=scope,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
        )
        self._issuers = issuers
        self.register_client_auth_method(("client_secret_basic", _basic_auth))

    async def _fetch_token(
        self, url: str, body: str, headers: Mapping[str, str], auth: ClientAuth, method: str
    ) -> dict[str, Any]:
        url, sent, body = auth.prepare(method, url, dict(headers), body)
        answer = await self._issuers.ask(method, url, sent, body.encode())
        request = httpx.Request(method, url)
        token: dict[str, Any] = self.parse_response_token(
            httpx.Response(answer.status, content=answer.body, request=request)
        )
        return token


class Conversations:
    """One process's way of talking to providers. Belongs to the loop that uses it."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        allowed = [network(text) for text in settings.outbound_networks]
        self.settings = settings
        self._clock = clock
        self.sealer = Sealer(settings.secret)
        self.issuers = Issuers(clock, allowed, settings.provider_timeout_seconds)

    def client(self, provider: IdentityProvider) -> Client:
        """Ours at this provider: the tenant's own, or the installation's. `ProviderUnavailable` if there is neither."""
        if provider.client_id is not None:
            sealed = provider.secret_sealed
            secret = None if sealed is None else self.sealer.unseal_client_secret(sealed, provider.id)
            return Client(provider.client_id, secret, encode("IdentityProvider", provider.tenant_id, provider.id))
        settings = self.settings
        id, secret = {
            ProviderKind.GOOGLE: (settings.google_client_id, settings.google_client_secret),
            ProviderKind.MICROSOFT: (settings.microsoft_client_id, settings.microsoft_client_secret),
            ProviderKind.FACEBOOK: (settings.facebook_client_id, settings.facebook_client_secret),
            ProviderKind.OIDC: (None, None),
        }[provider.kind]
        if id is None:
            raise ProviderUnavailable
        return Client(id, secret, provider.kind.value.lower())

    def redirect_uri(self, provider: IdentityProvider) -> str:
        """Where the provider sends browsers back to: what is registered there. `ProviderUnavailable`."""
        return f"{self.settings.base_url}/auth/callback/{self.client(provider).callback_key}"

    def redirect_uri_if_any(self, provider: IdentityProvider) -> str | None:
        """The same, to be shown; None if there is no client."""
        try:
            return self.redirect_uri(provider)
        except ProviderUnavailable:
            return None

    async def address(self, provider: IdentityProvider, sent: Sent) -> str:
        """Where a browser is sent. Raises `ProviderUnavailable`, `ProviderUnreachable`."""
        if provider.kind is ProviderKind.FACEBOOK:
            endpoint, extra = f"{self.settings.facebook_url}/dialog/oauth", {}
        else:
            endpoint, extra = (await self.metadata(provider)).authorization_endpoint, {"nonce": sent.nonce}
        client = self._oauth(provider, "none")
        url, _ = client.create_authorization_url(endpoint, state=sent.state, code_verifier=sent.verifier, **extra)
        return str(url)

    async def person(self, provider: IdentityProvider, sent: Sent, returned: Returned) -> Person:
        """Whom the provider vouches for. `NotLetIn` with `PROVIDER_FAILED` if its answer is not to be believed."""
        try:
            if provider.kind is ProviderKind.FACEBOOK:
                claims = await self._facebook_claims(provider, sent, returned)
            else:
                claims = await self._claims(provider, sent, returned)
        except (ProviderUnreachable, ProviderUnavailable) as problem:
            raise NotLetIn(Reason.PROVIDER_FAILED, problem.message) from None
        except (AuthlibBaseError, JoseError, httpx.HTTPError, *_UNREADABLE) as problem:
            # Its texts may be about the person: what is logged is what kind of thing was wrong.
            raise NotLetIn(Reason.PROVIDER_FAILED, type(problem).__name__) from None
        person = person_of(provider.kind, claims, email_trusted=provider.email_trusted)
        if person is None:
            raise NotLetIn(Reason.PROVIDER_FAILED, "it does not say who it is")
        return person

    async def metadata(self, provider: IdentityProvider) -> Metadata:
        """How a provider of OpenID Connect describes itself. `ProviderUnreachable` unless it is who it should be."""
        issuer = self._issuer(provider)
        found = await self.issuers.metadata(issuer)
        if found.issuer != issuer and not (provider.kind is ProviderKind.MICROSOFT and _is_template(found.issuer)):
            raise ProviderUnreachable("Its description is of another issuer: write it letter by letter as it does.")
        return found

    def _issuer(self, provider: IdentityProvider) -> str:
        match provider.kind:
            case ProviderKind.GOOGLE:
                return self.settings.google_issuer
            case ProviderKind.MICROSOFT:
                if len(provider.directories) == 1:
                    return f"{self.settings.microsoft_authority}/{provider.directories[0]}/v2.0"
                return (
                    f"{self.settings.microsoft_authority}/{'organizations' if provider.directories else 'common'}/v2.0"
                )
        assert provider.issuer is not None
        return provider.issuer

    def _oauth(self, provider: IdentityProvider, auth_method: str) -> _OAuthClient:
        wanted = (
            ["email", "public_profile"] if provider.kind is ProviderKind.FACEBOOK else ["openid", "email", "profile"]
        )
        scope = " ".join(dict.fromkeys([*wanted, *provider.scopes]))
        return _OAuthClient(self.issuers, self.client(provider), auth_method, scope, self.redirect_uri(provider))

    async def _claims(self, provider: IdentityProvider, sent: Sent, returned: Returned) -> dict[str, Any]:
        metadata = await self.metadata(provider)
        if returned.issuer not in (metadata.issuer, None) or (metadata.names_itself and returned.issuer is None):
            # RFC 9207: the answer of another issuer, that somebody has led here.
            raise ProviderUnreachable("The answer is another issuer's.")
        token = await self._token(provider, metadata, sent, returned)
        claims = await self._verified(provider, metadata, token, sent.nonce)
        named = {"email", *(rule.claim.partition(".")[0] for rule in role_rules_in(provider))}
        if metadata.userinfo_endpoint is not None and not named <= claims.keys():
            more = await self.issuers.document(metadata.userinfo_endpoint, _bearer(token))
            if more.get("sub") != claims["sub"]:
                raise ProviderUnreachable("It speaks of two people.")
            claims = more | claims
        return claims

    async def _token(
        self, provider: IdentityProvider, metadata: Metadata, sent: Sent, returned: Returned
    ) -> Mapping[str, Any]:
        """What the code is good for. Which way to show the secret the client was registered for, only trying tells."""
        methods = _auth_methods(metadata, self.client(provider))
        for method in methods:
            try:
                token: dict[str, Any] = await self._oauth(provider, method).fetch_token(
                    metadata.token_endpoint,
                    grant_type="authorization_code",
                    code=returned.code,
                    code_verifier=sent.verifier,
                )
            except AuthlibBaseError as refused:
                if refused.error != "invalid_client" or method == methods[-1]:
                    raise
            else:
                return token
        raise AssertionError

    async def _verified(
        self, provider: IdentityProvider, metadata: Metadata, token: Mapping[str, Any], nonce: str
    ) -> dict[str, Any]:
        """The claims of the ID token, when its signature and all of them are right."""
        id_token = token["id_token"]
        if not isinstance(id_token, str):
            raise ProviderUnreachable("Its ID token is none.")
        header = extract_compact(id_token.encode()).headers()
        keys = await self.issuers.keys(metadata.jwks_uri, header.get("kid"))
        # Parameters that say nothing to us may stand in the header; what is `crit` may not.
        registry = JWSRegistry(algorithms=list(metadata.algorithms), strict_check_header=False)
        decoded = jwt.decode(id_token, keys, list(metadata.algorithms), registry=registry)
        issuers = self._issuers_of(provider, metadata, decoded.claims)
        client_id = self.client(provider).id
        checked = CodeIDToken(
            decoded.claims,
            decoded.header,
            {
                "iss": {"essential": True, "values": issuers},
                "aud": {"essential": True, "value": client_id},
            },
            {"nonce": nonce, "client_id": client_id, "access_token": token.get("access_token")},
        )
        checked.validate(now=int(self._clock.now().timestamp()), leeway=_LEEWAY_SECONDS)
        return dict(checked)

    def _issuers_of(self, provider: IdentityProvider, metadata: Metadata, claims: Mapping[str, Any]) -> list[str]:
        """How the issuer may be spelt in a token."""
        if provider.kind is ProviderKind.GOOGLE:
            return [metadata.issuer, metadata.issuer.partition("://")[2]]
        if provider.kind is not ProviderKind.MICROSOFT:
            return [metadata.issuer]
        directory = claims.get("tid")
        if not isinstance(directory, str) or not _GUID.fullmatch(directory):
            raise ProviderUnreachable("It does not say which directory it speaks for.")
        if provider.directories and directory.lower() not in provider.directories:
            raise ProviderUnreachable("It speaks for a directory that is not on the list.")
        return [metadata.issuer.replace(_MICROSOFT_TEMPLATE, directory)]

    async def _facebook_claims(self, provider: IdentityProvider, sent: Sent, returned: Returned) -> dict[str, Any]:
        graph = self.settings.facebook_graph_url
        client = self._oauth(provider, "client_secret_post")
        token = await client.fetch_token(
            f"{graph}/oauth/access_token",
            grant_type="authorization_code",
            code=returned.code,
            code_verifier=sent.verifier,
        )
        secret = self.client(provider).secret or ""
        # Shows that the token is used by whom it was given to.
        proof = hmac.new(secret.encode(), token["access_token"].encode(), hashlib.sha256).hexdigest()
        asked = urlencode({"fields": _FACEBOOK_FIELDS, "appsecret_proof": proof})
        return await self.issuers.document(f"{graph}/me?{asked}", _bearer(token))


def provider_path(tenant_slug: str, provider_slug: str) -> str:
    """Where a browser goes to sign in with a provider."""
    return f"/auth/{tenant_slug}/{provider_slug}/start"


def _auth_methods(metadata: Metadata, client: Client) -> list[str]:
    if client.secret is None:
        return ["none"]
    # The first is what a client is registered for that says nothing else.
    ways = ["client_secret_basic", "client_secret_post"]
    return [each for each in ways if each in metadata.auth_methods] or ways[:1]


def _basic_auth(
    client: Any, method: str, uri: str, headers: dict[str, str], body: str
) -> tuple[str, dict[str, str], str]:
    """RFC 6749, 2.3.1: each part is form-encoded first, which Authlib leaves out."""
    basic = httpx.BasicAuth(quote_plus(client.client_id), quote_plus(client.client_secret))
    request = next(basic.auth_flow(httpx.Request(method, uri)))
    return uri, headers | {"Authorization": request.headers["Authorization"]}, body


def _bearer(token: Mapping[str, Any]) -> dict[str, str]:
    access_token = token["access_token"]
    if not isinstance(access_token, str) or not access_token.isascii() or re.search(r"[\s\x00-\x1f]", access_token):
        raise ProviderUnreachable("Its access token is none.")
    return {"Authorization": f"Bearer {access_token}"}


def _is_template(issuer: str) -> bool:
    return issuer.count(_MICROSOFT_TEMPLATE) == 1
