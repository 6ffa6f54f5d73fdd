"""Google as far as it matters: an access token for a signed assertion, and FCM's HTTP v1."""

import secrets
import time
from typing import Any, Literal

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tests.support.stand_ins.frame import Asked, Reply, StandIn

PROJECT, ACCOUNT, KEY_ID = "some-project", "push@some-project.iam.gserviceaccount.com", "key-1"
_KEY = rsa.generate_private_key(65537, 2048)
PRIVATE_KEY = _KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Shown(_Strict):
    title: str
    body: str


class _Tag(_Strict):
    tag: str


class _Android(_Strict):
    priority: Literal["HIGH", "NORMAL"]
    ttl: str = Field(pattern=r"^[0-9]+s$")
    notification: _Tag


class _Apns(_Strict):
    headers: dict[str, str]
    payload: dict[str, Any]


class _Message(_Strict):
    token: str
    notification: _Shown
    data: dict[str, str]
    android: _Android
    apns: _Apns


class _Request(_Strict):
    message: _Message


class Google(StandIn):
    """`apps`: the registration tokens there are; `shown` by app and tag: what has the same tag replaces what was."""

    def __init__(self) -> None:
        super().__init__()
        self.apps: set[str] = set()
        self.tokens: set[str] = set()
        self.shown: dict[tuple[str, str], str] = {}
        self.ids: list[str] = []

    async def take(self, asked: Asked) -> Reply:
        if asked.path == "/token":
            return self._sign_in(asked.form())
        if asked.path != f"/v1/projects/{PROJECT}/messages:send":
            return self.refuse("path", error(404, "NOT_FOUND", "Requested entity was not found."))
        if asked.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return self.refuse("token", error(401, "UNAUTHENTICATED", "Request had invalid credentials."))
        try:
            message = _Request.model_validate(asked.json()).message
        except ValidationError as problem:
            return self.refuse("schema", error(400, "INVALID_ARGUMENT", str(problem.errors()[0]["loc"])))
        if len(message.apns.headers["apns-collapse-id"]) > 64:
            return self.refuse("collapse id", error(400, "INVALID_ARGUMENT", "apns-collapse-id"))
        if message.token not in self.apps:
            return self.refuse("app", error(404, "NOT_FOUND", "Requested entity was not found.", "UNREGISTERED"))
        self.shown[message.token, message.android.notification.tag] = message.notification.title
        self.ids.append(f"projects/{PROJECT}/messages/{secrets.token_hex(8)}")
        return Reply.json({"name": self.ids[-1]})

    def _sign_in(self, form: dict[str, str]) -> Reply:
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return self.refuse("grant", Reply.json({"error": "unsupported_grant_type"}, 400))
        try:
            read = jwt.decode(form["assertion"], RSAKey.import_key(_KEY.public_key()), algorithms=["RS256"])
        except (JoseError, ValueError):
            return self.refuse("assertion", Reply.json({"error": "invalid_grant"}, 400))
        claims, now = read.claims, time.time()
        said = (read.header.get("kid"), claims["iss"], claims["aud"], claims["scope"])
        if said != (KEY_ID, ACCOUNT, f"{self.base}/token", SCOPE):
            return self.refuse("claims", Reply.json({"error": "invalid_grant"}, 400))
        if not claims["iat"] - 5 <= now <= claims["exp"] <= claims["iat"] + 3_600:
            return self.refuse("times", Reply.json({"error": "invalid_grant"}, 400))
        token = f"ya29.{secrets.token_hex(16)}"
        self.tokens.add(token)
        return Reply.json({"access_token": token, "expires_in": 3599, "token_type": "Bearer"})


def error(status: int, name: str, message: str, fcm: str | None = None) -> Reply:
    """As Google says no."""
    said: dict[str, Any] = {"code": status, "status": name, "message": message}
    if fcm is not None:
        kind = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
        said["details"] = [{"@type": kind, "errorCode": fcm}]
    return Reply.json({"error": said}, status)
