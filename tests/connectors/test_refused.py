"""Tokens that are not good, and addresses that lead elsewhere: every connector sends them to the waiting page."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from app.admission.models import AdmissionState
from app.admission.rules import Claims
from app.admission.tokens import signed
from app.core.ids import decode
from app.identity.keyring import Key, rotate
from app.identity.models import KeyPurpose
from tests.commands.runs import free_port
from tests.connectors.serving import KINDS, Program, Sites
from tests.connectors.visiting import Browser, back_of, browser
from tests.support.api import Api

pytestmark = pytest.mark.processes


@dataclass
class Door:
    """A site's door, and what may be tried at it."""

    visitor: Browser
    claims: Claims
    key: Key
    issuer: str

    def token(self, **changes: Any) -> str:
        """Signed with the service's own key."""
        return signed(replace(self.claims, **changes), self.key, self.issuer)

    async def opens(self, token: str) -> bool:
        """Whether a token in the cookie lets in."""
        self.visitor.http.cookies.clear()
        self.visitor.http.cookies.set("vq_admission", token, domain="127.0.0.1")
        answer = await self.visitor.get("/basket")
        assert answer.status_code in (200, 303), answer.text
        return answer.status_code == 200


@pytest.fixture(scope="module", params=KINDS)
async def door(
    request: pytest.FixtureRequest, api: Api, served: Program, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Door]:
    port = free_port()
    business = await api.new_business()
    queue_id = await business.queue(mode="METERED", siteOrigins=[f"http://127.0.0.1:{port}"])
    sites = Sites(tmp_path_factory.mktemp("door"))
    origin = await asyncio.to_thread(sites.start, request.param, served, queue_id, port)
    queue, now = decode("Queue", queue_id), datetime.now(UTC).replace(microsecond=0)
    claims = Claims(
        tenant_id=queue.tenant_id,
        queue_id=queue.id,
        session_id=uuid4(),
        number=2,
        state=AdmissionState.INSIDE,
        issued_at=now,
        expires_at=now + timedelta(hours=1),
    )
    key = await api.runtime.authenticator.keys.signer(KeyPurpose.ADMISSION)
    with sites.stack:
        async with browser(origin) as visitor:
            yield Door(visitor, claims, key, served.url)


async def test_what_was_signed_for_something_else_lets_nobody_in(api: Api, door: Door) -> None:
    now = door.claims.issued_at
    assert await door.opens(door.token()), "this is what the others differ from"
    assert not await door.opens(door.token(queue_id=uuid4()))
    assert not await door.opens(door.token(expires_at=now - timedelta(seconds=1)))
    assert not await door.opens(door.token(issued_at=now + timedelta(minutes=5)))
    assert not await door.opens(door.token(state=AdmissionState.RELEASED))
    assert not await door.opens(door.token(state=AdmissionState.ENDED))
    assert not await door.opens(signed(door.claims, door.key, "https://queue.example"))
    header = {"alg": "RS256", "typ": "admission+jwt", "kid": door.key.kid}
    said = jwt.decode(door.token(), door.key.key, ["RS256"]).claims
    for change in (
        {"exp": None}, {"exp": str(said["exp"])}, {"exp": True}, {"exp": 1e300}, {"iat": None}, {"sub": 7},
        {"jti": None}, {"aud": [said["aud"], "other"]}, {"aud": None}, {"state": None},
    ):  # fmt: skip
        claims = {name: value for name, value in (said | change).items() if value is not None}
        assert not await door.opens(jwt.encode(header, claims, door.key.key, ["RS256"])), change
    # A user's access token is signed by the same service.
    access = await api.runtime.authenticator.keys.signer(KeyPurpose.ACCESS)
    assert not await door.opens(jwt.encode({**header, "typ": "at+jwt", "kid": access.kid}, said, access.key, ["RS256"]))


async def test_forged_tokens_let_nobody_in(door: Door) -> None:
    token = door.token()
    head, body, signature = token.split(".")
    forger = RSAKey.generate_key(2048)
    assert not await door.opens(signed(door.claims, Key(door.key.kid, "RS256", forger), door.issuer))
    assert not await door.opens(signed(door.claims, Key("A" * 43, "RS256", forger), door.issuer))
    other = door.token(number=3).split(".")[1]
    unsigned = "eyJhbGciOiJub25lIiwidHlwIjoiYWRtaXNzaW9uK2p3dCJ9"
    for forged in (
        f"{head}.{other}.{signature}", f"{head}.{body}.", f"{unsigned}.{body}.", f"{head}.{body}", f"{token}.{token}",
        f"{head}.{body}.{signature[:-8]}AAAAAAAA", f"pending.{head}.{other}.{signature}", "", "..", "a.b.c", "pending.",
    ):  # fmt: skip
        assert not await door.opens(forged), forged
    answer = await door.visitor.bring(f"{head}.{other}.{signature}")
    assert "/wait/" in answer.headers["location"]
    assert await door.opens(token)


async def test_a_new_key_is_heard_of_and_made_up_ones_are_not_asked_for_each_time(api: Api, door: Door) -> None:
    assert await door.opens(door.token())
    settings = api.runtime.settings
    key = await rotate(api.runtime.dbs.system, settings, KeyPurpose.ADMISSION)
    signer = None
    while signer is None or signer.kid != key.kid:
        signer = await _signer(api)
    fresh = signed(door.claims, signer, door.issuer)
    opened = False
    async with asyncio.timeout(20):
        while not opened:
            # It was published long before it signs; a site that fetched its keys earlier asks again.
            opened = await door.opens(fresh)
    assert await door.opens(door.token()), "what the retired key has signed is good until it ends"


async def _signer(api: Api) -> Key:
    """This process's signing key, looked at afresh."""
    keys = api.runtime.authenticator.keys
    await keys._load()
    return await keys.signer(KeyPurpose.ADMISSION)


async def test_nobody_is_sent_to_another_site(door: Door) -> None:
    origin, stay = door.visitor.origin, f"vq_admission={door.token()}"
    for target in ("//evil.example/x", "/\\evil.example/x", "/%2F/evil.example", "/@evil.example", "/x/../y"):
        answer = await _raw(origin, target, {"host": "evil.example", "accept": "text/html"})
        assert answer["location"].startswith(f"{door.issuer}/wait/"), target
        assert back_of(answer["location"]).startswith(f"{origin}/"), target
        inside = await _raw(origin, f"{target}?a=1&vq_admission=x", {"host": "evil.example", "cookie": stay})
        assert inside["location"].startswith(f"{origin}/"), target
        assert inside["location"].endswith("?a=1"), target


async def _raw(origin: str, target: str, headers: dict[str, str]) -> dict[str, str]:
    """A request as no client library would write it; the answer's headers."""
    host, _, port = origin.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = [f"GET {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "connection: close"]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    answer = (await reader.read()).decode("latin-1")
    writer.close()
    await writer.wait_closed()
    pairs = (line.partition(": ") for line in answer.partition("\r\n\r\n")[0].splitlines()[1:])
    return {name.lower(): value for name, _, value in pairs}
