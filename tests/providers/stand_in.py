"""Google, Microsoft and Facebook as far as they matter here, and an OpenID provider that can be made to lie.

A real server on this machine that checks all it is sent, as those do: client, return address, PKCE, single use.
Whoever it sends a browser to is not asked anything: the test says who sits there.
"""

import hashlib
import hmac
import secrets
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import time
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.support.real_server import real_server

CLIENT, SECRET = "our-client", "a secret+with/odd%signs".replace(" ", "_")
HOME = "11111111-2222-3333-4444-555555555555"
ELSEWHERE = "99999999-8888-7777-6666-555555555555"


@dataclass
class Lies:
    """How the provider's answers differ from what is right: each is wrong by itself."""

    claims: dict[str, Any] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    header: dict[str, Any] = field(default_factory=dict)
    sign: Callable[[dict[str, Any], dict[str, Any]], str] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    answer: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    token: Mapping[str, Any] | None = None


class StandIn:
    """The server. `person` is who sits at the browser, as claims; `refused` what it had to refuse."""

    def __init__(self) -> None:
        self.base = ""
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
        self.other_key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
        self.next_key = ECKey.generate_key("P-256", {"kid": "two", "use": "sig"})
        self.published: list[dict[str, Any]] = []
        self.redirect_uris: set[str] = set()
        self.reset()

    def reset(self) -> None:
        """As it is at the beginning of a test."""
        self.person: dict[str, Any] = {}
        self.lies = Lies()
        self.refused: list[str] = []
        self.asked: list[str] = []
        self.auth_methods = ["client_secret_post", "client_secret_basic"]
        self.userinfo_only = False
        self.speaks_as = "oidc"
        self.published = [self.key.as_dict(private=False)]
        self._codes: dict[str, dict[str, str]] = {}
        self._tokens: dict[str, dict[str, Any]] = {}

    @property
    def app(self) -> Starlette:
        """What it serves."""
        return Starlette(
            routes=[
                Route("/{name}/.well-known/openid-configuration", self._discovery),
                Route("/microsoft/{directory}/v2.0/.well-known/openid-configuration", self._discovery),
                Route("/keys", self._keys),
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
                Route("/userinfo", self._userinfo),
                Route("/facebook/dialog/oauth", self._authorize),
                Route("/graph/oauth/access_token", self._token, methods=["POST"]),
                Route("/graph/me", self._me),
            ]
        )

    async def _discovery(self, request: Request) -> Response:
        self.asked.append("discovery")
        if (directory := request.path_params.get("directory")) is not None:
            many = directory in ("common", "organizations")
            issuer = f"{self.base}/microsoft/{'{tenantid}' if many else directory}/v2.0"
        else:
            issuer = f"{self.base}/{request.path_params['name']}"
        return JSONResponse(
            {
                "issuer": issuer,
                "authorization_endpoint": f"{self.base}/authorize?kept=1",
                "token_endpoint": f"{self.base}/token",
                "jwks_uri": f"{self.base}/keys",
                "userinfo_endpoint": f"{self.base}/userinfo",
                "token_endpoint_auth_methods_supported": self.auth_methods,
                "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"],
            }
            | self.lies.metadata
        )

    async def _keys(self, request: Request) -> Response:
        self.asked.append("keys")
        return JSONResponse({"keys": self.published})

    async def _authorize(self, request: Request) -> Response:
        given = dict(request.query_params)
        is_facebook = request.url.path.startswith("/facebook")
        wanted = {"email", "public_profile"} if is_facebook else {"openid", "email", "profile"}
        for fault, is_so in {
            "client": given.get("client_id") != CLIENT,
            "redirect_uri": given.get("redirect_uri") not in self.redirect_uris,
            "response_type": given.get("response_type") != "code",
            "scope": not wanted <= set(given.get("scope", "").split()),
            "pkce": given.get("code_challenge_method") != "S256" or len(given.get("code_challenge", "")) != 43,
            "state": len(given.get("state", "")) < 43,
            "nonce": not is_facebook and len(given.get("nonce", "")) < 43,
        }.items():
            if is_so:
                return self._refuse(fault)
        code = secrets.token_urlsafe(16)
        self._codes[code] = given
        answer = {"code": code, "state": given["state"]} | self.lies.answer
        # Facebook's habit.
        fragment = "#_=_" if is_facebook else ""
        return RedirectResponse(f"{given['redirect_uri']}?{urlencode(answer)}{fragment}", 302)

    async def _token(self, request: Request) -> Response:
        self.asked.append("token")
        form = dict(parse_qsl((await request.body()).decode()))
        id, secret = form.get("client_id", ""), form.get("client_secret", "")
        if (basic := request.headers.get("authorization")) is not None:
            id, secret = map(unquote_plus, b64decode(basic.removeprefix("Basic ")).decode().split(":"))
        if (id, secret) != (CLIENT, SECRET):
            return self._refuse("secret")
        asked = self._codes.pop(form.get("code", ""), None)
        if asked is None:
            return self._refuse("code")
        made = urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=")
        if made.decode() != asked["code_challenge"]:
            return self._refuse("verifier")
        if form.get("redirect_uri") != asked["redirect_uri"] or form.get("grant_type") != "authorization_code":
            return self._refuse("grant")
        if self.lies.token is not None:
            return JSONResponse(self.lies.token)
        access_token = secrets.token_urlsafe(16)
        self._tokens[access_token] = self.person
        answer: dict[str, Any] = {"access_token": access_token, "token_type": "Bearer", "expires_in": 300}
        if not request.url.path.startswith("/graph"):
            answer["id_token"] = self._id_token(asked, access_token)
        return JSONResponse(answer)

    def _id_token(self, asked: Mapping[str, str], access_token: str) -> str:
        now = int(time())
        person = {"sub": self.person["sub"]} if self.userinfo_only else self.person
        half = hashlib.sha256(access_token.encode()).digest()[:16]
        claims = {
            "iss": f"{self.base}/{self.speaks_as}",
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            "at_hash": urlsafe_b64encode(half).rstrip(b"=").decode(),
            **person,
            **self.lies.claims,
        }
        for name in self.lies.without:
            del claims[name]
        header = {"alg": "RS256", "kid": "one", "typ": "JWT"} | self.lies.header
        if self.lies.sign is not None:
            return self.lies.sign(header, claims)
        return self.signed(header, claims, self.key)

    def signed(self, header: dict[str, Any], claims: dict[str, Any], key: RSAKey | ECKey | OctKey) -> str:
        """An ID token."""
        return jwt.encode(header, claims, key, [header["alg"]])

    async def _userinfo(self, request: Request) -> Response:
        self.asked.append("userinfo")
        person = self._tokens.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        return self._refuse("token") if person is None else JSONResponse(person | self.lies.userinfo)

    async def _me(self, request: Request) -> Response:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        proof = hmac.new(SECRET.encode(), token.encode(), hashlib.sha256).hexdigest()
        if token not in self._tokens or request.query_params.get("appsecret_proof") != proof:
            return JSONResponse({"error": {"message": "Invalid", "type": "OAuthException", "code": 190}}, 400)
        fields = set(request.query_params["fields"].split(","))
        return JSONResponse({name: value for name, value in self._tokens[token].items() if name in fields})

    def _refuse(self, fault: str) -> Response:
        self.refused.append(fault)
        return JSONResponse({"error": "invalid_request", "error_description": fault}, 400)


def publish(*keys: RSAKey | ECKey) -> list[dict[str, Any]]:
    """Keys as they are published."""
    return list(KeySet(list(keys)).as_dict(private=False)["keys"])  # type: ignore[arg-type]


@contextmanager
def standing_in() -> Iterator[StandIn]:
    """The server, for the block."""
    stand_in = StandIn()
    with real_server(stand_in.app) as server:
        stand_in.base = f"http://127.0.0.1:{server.port}"
        yield stand_in
