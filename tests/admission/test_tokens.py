"""Admission tokens on the wire: what they say, who can verify them, and every confusion with another kind of token."""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from joserfc import jwt
from joserfc.jwk import OKPKey, RSAKey
from sqlmodel import delete, select

from app.admission.errors import AdmissionInvalid
from app.admission.rules import Claims, claims_of
from app.admission.tokens import CLAIMS, AdmissionTokens, header_of, verified
from app.core.errors import Unauthenticated
from app.core.ids import encode
from app.identity.keyring import Key, KeyRing, ensure_keys, rotate
from app.identity.models import KeyPurpose, SigningKey
from app.sessions import repository
from tests.admission.gate import Gate, open_gate
from tests.support.api import Api, Business, Caller, GraphQLFailed, key_of
from tests.support.verbs import ask

ISSUER = "urn:virtual-queue"


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    header, claims, signature = token.split(".")
    return json.loads(padded(header)), json.loads(padded(claims)), signature


def padded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def part(value: dict[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def seconds(time: str) -> int:
    return int(datetime.fromisoformat(time).timestamp())


@pytest.fixture
async def rotated(timed: Api) -> AsyncIterator[None]:
    """The tests rotate; others in the run sign with the keys there were, which are put back."""
    system = timed.runtime.dbs.system
    async with system.read(None) as tx:
        before = [row.model_dump() for row in (await tx.exec(select(SigningKey))).all()]
    yield
    async with system.write(None) as tx:
        await tx.exec(delete(SigningKey))
        tx.add_all(SigningKey(**row) for row in before)
    await timed.runtime.authenticator.keys._load()


async def test_what_a_token_says(gate: Gate) -> None:
    joined = await gate.join()
    admission = await gate.admission(joined)
    header, claims, _ = parts(admission["token"])
    jwks = (await gate.api.http.get("/.well-known/jwks.json")).json()
    assert set(header) == {"alg", "typ", "kid"}
    assert (header["alg"], header["typ"]) == ("RS256", "admission+jwt")
    assert header["kid"] in {key["kid"] for key in jwks["keys"]}
    ref = gate.ref
    assert claims == {
        "iss": ISSUER,
        "aud": gate.queue,
        "sub": joined.id,
        "queue": gate.queue,
        "tenant": encode("Tenant", ref.tenant_id, ref.tenant_id),
        "state": "RELEASED",
        "iat": seconds(admission["releasedAt"]),
        "exp": seconds(admission["expiresAt"]),
        "jti": f"{key_of('Session', joined.id).hex}.1",
    }
    assert [*claims, "aph"] == list(CLAIMS)
    entered = await gate.done("admissionEnter", token=admission["token"])
    _, claims, _ = parts(entered["token"])
    assert (claims["state"], claims["iat"]) == ("INSIDE", seconds(entered["enteredAt"]))
    assert (claims["exp"], claims["jti"][-2:]) == (seconds(entered["expiresAt"]), ".2")
    gate.clock.advance(seconds=120)
    renewed = await gate.done("admissionRenew", token=entered["token"])
    _, claims, _ = parts(renewed["token"])
    assert (claims["iat"], claims["jti"][-2:]) == (seconds(renewed["renewedAt"]), ".3")


async def test_anybody_can_verify_it_with_the_published_keys(gate: Gate) -> None:
    token = await gate.token(await gate.join())
    jwks = (await gate.api.http.get("/.well-known/jwks.json")).json()
    header, _, _ = parts(token)
    (published,) = [key for key in jwks["keys"] if key["kid"] == header["kid"]]
    assert jwt.decode(token, RSAKey.import_key(published), [published["alg"]]).claims["aud"] == gate.queue


async def test_asked_twice_in_any_process_it_is_the_same(gate: Gate) -> None:
    """Nothing is stored: a process that dies between the commit and the signature has lost nothing."""
    joined = await gate.join()
    token = await gate.token(joined)
    assert await gate.token(joined) == token
    runtime = gate.api.runtime
    another = AdmissionTokens(ISSUER, KeyRing(runtime.dbs.app, runtime.settings.secret))
    async with runtime.dbs.app.read(gate.ref.tenant_id) as tx:
        claims = claims_of(await repository.get(tx, key_of("Session", joined.id)), None)
    assert claims is not None
    assert await another.write(claims) == token


async def test_it_is_signed_once(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.admission import tokens

    made: list[Claims] = []
    sign = tokens.signed

    def counted(claims: Claims, key: Key, issuer: str) -> str:
        made.append(claims)
        return sign(claims, key, issuer)

    monkeypatch.setattr(tokens, "signed", counted)
    joined = await gate.join()
    for _ in range(3):
        await gate.token(joined)
    assert len(made) == 1


@pytest.mark.usefixtures("rotated")
async def test_after_rotations_what_was_signed_before_is_good_and_means_the_same(gate: Gate) -> None:
    joined = await gate.join()
    before = await gate.token(joined)
    runtime = gate.api.runtime
    for _ in range(2):
        await rotate(runtime.dbs.system, runtime.settings, KeyPurpose.ADMISSION)
    fresh = AdmissionTokens(ISSUER, KeyRing(runtime.dbs.app, runtime.settings.secret))
    claims = await fresh.read(before)
    after = await fresh.write(claims)
    assert parts(after)[1] == parts(before)[1], "the same claims, and the same id"
    assert parts(after)[0]["kid"] != parts(before)[0]["kid"]
    assert await runtime.admissions.read(after) == claims, "a process that has not seen the new key looks again"
    assert (await gate.done("admissionEnter", token=after))["state"] == "INSIDE"
    assert (await gate.refused("admissionEnter", token=before))["__typename"] == "AdmissionUsedError"


@pytest.mark.usefixtures("rotated")
async def test_ed25519_by_setting(gate: Gate) -> None:
    runtime = gate.api.runtime
    settings = runtime.settings.model_copy(update={"admission_token_algorithm": "Ed25519"})
    await ensure_keys(runtime.dbs.system, settings)
    await rotate(runtime.dbs.system, settings, KeyPurpose.ADMISSION)
    fresh = AdmissionTokens(ISSUER, KeyRing(runtime.dbs.app, settings.secret))
    joined = await gate.join()
    claims = await fresh.read(await gate.token(joined))
    token = await fresh.write(claims)
    assert parts(token)[0]["alg"] == "Ed25519"
    assert (await gate.done("admissionEnter", token=token))["state"] == "INSIDE"
    jwks = (await KeyRing(runtime.dbs.app, settings.secret).jwks())["keys"]
    (published,) = [key for key in jwks if key["kid"] == parts(token)[0]["kid"]]
    assert (published["kty"], published["crv"], published["alg"]) == ("OKP", "Ed25519", "Ed25519")
    assert jwt.decode(token, OKPKey.import_key(published), ["Ed25519"]).claims["sub"] == joined.id
    # What signs users' access tokens is another matter.
    assert (await KeyRing(runtime.dbs.app, settings.secret).signer(KeyPurpose.ACCESS)).algorithm == "RS256"


async def forgeries(gate: Gate) -> dict[str, str]:
    """Tokens that must not pass, each made from a good one."""
    joined = await gate.join()
    good = await gate.token(joined)
    header, claims, signature = parts(good)
    authenticator = gate.api.runtime.authenticator
    active = await authenticator.keys.signer(KeyPurpose.ADMISSION)
    access = await authenticator.keys.signer(KeyPurpose.ACCESS)
    public_pem = active.key.as_pem(private=False)
    own, own_ed = RSAKey.generate_key(2048), OKPKey.generate_key("Ed25519")
    confused = f"{part({**header, 'alg': 'HS256'})}.{part(claims)}"
    mac = urlsafe_b64encode(hmac.digest(public_pem, confused.encode(), "sha256")).rstrip(b"=").decode()
    strange = encode("Queue", uuid4(), gate.ref.id)

    def signed(changes: dict[str, Any], header_changes: dict[str, Any] | None = None, key: Any = active.key) -> str:
        head = {**header, **(header_changes or {})}
        return jwt.encode(head, {**claims, **changes}, key, [str(head["alg"])])

    def without(name: str) -> str:
        return jwt.encode(header, {key: value for key, value in claims.items() if key != name}, active.key, ["RS256"])

    return {
        "alg none": f"{part({**header, 'alg': 'none'})}.{part(claims)}.AA",
        "no signature": f"{part(header)}.{part(claims)}.",
        "HS256 with the public key": f"{confused}.{mac}",
        "another algorithm of the same key": signed({}, {"alg": "RS512"}),
        "the header says Ed25519": f"{part({**header, 'alg': 'Ed25519'})}.{part(claims)}.{signature}",
        "own key": signed({}, key=own),
        "own key, own kid": signed({}, {"kid": own.thumbprint()}, own),
        "own Ed25519 key": signed({}, {"alg": "Ed25519"}, own_ed),
        "own key in the header": signed({}, {"kid": own.thumbprint(), "jwk": own.as_dict(private=False)}, own),
        "signed with the key of access tokens": signed({}, {"kid": access.kid}, access.key),
        "key of access tokens, our kid": signed({}, key=access.key),
        "kid of the access key": f"{part({**header, 'kid': access.kid})}.{part(claims)}.{signature}",
        "unknown kid": signed({}, {"kid": "A" * 43}),
        "kid of another shape": signed({}, {"kid": "../../etc/passwd"}),
        "no kid": jwt.encode({"alg": "RS256", "typ": "admission+jwt"}, claims, active.key, ["RS256"]),
        "tampered": f"{part(header)}.{part({**claims, 'exp': claims['exp'] + 600})}.{signature}",
        "typ of access tokens": signed({}, {"typ": "at+jwt"}),
        "typ JWT": signed({}, {"typ": "JWT"}),
        "no typ": jwt.encode({"alg": "RS256", "kid": active.kid}, claims, active.key, ["RS256"]),
        "critical extension": f"{part({**header, 'crit': ['x']})}.{part(claims)}.{signature}",
        "another issuer": signed({"iss": "https://evil.example"}),
        "audience of access tokens": signed({"aud": "virtual-queue"}),
        "audience of another tenant": signed({"aud": strange, "queue": strange}),
        "audience among others": signed({"aud": [gate.queue]}),
        "queue and audience differ": signed({"queue": encode("Queue", gate.ref.tenant_id, uuid4())}),
        "session of another tenant": signed({"sub": encode("Session", uuid4(), key_of("Session", joined.id))}),
        "another session than the id's": signed({"sub": encode("Session", gate.ref.tenant_id, uuid4())}),
        "tenant of somebody else": signed({"tenant": encode("Tenant", key := uuid4(), key)}),
        "tenant whose halves differ": signed({"tenant": encode("Tenant", gate.ref.tenant_id, uuid4())}),
        "a queue as a session": signed({"sub": gate.queue}),
        "id of another shape": signed({"jti": uuid4().hex}),
        "id with number 0": signed({"jti": claims["jti"][:-1] + "0"}),
        "state nobody knows": signed({"state": "ADMITTED"}),
        "expiry as text": signed({"exp": "9999999999"}),
        "expiry true": signed({"exp": True}),
        "expiry beyond time": signed({"exp": 10**18}),
        "address hash not a text": signed({"aph": 7}),
        **{f"no {name}": without(name) for name in claims},
        "access token": str(gate.business.admin.token),
        "session token": str(joined.visitor.token),
        "not a token": "not-a-token",
        "empty": "",
        "two parts": "e30.e30",
        "very long": "e30." + "A" * 50_000 + ".AA",
        "not ASCII": "é.é.é",
    }


async def test_forgeries(gate: Gate) -> None:
    answers = {
        name: (await gate.ask("admissionEnter", token=token))["__typename"]
        for name, token in (await forgeries(gate)).items()
    }
    assert answers == dict.fromkeys(answers, "AdmissionInvalidError")
    assert await gate.counts() == {"waitingCount": 0, "calledCount": 1, "servingCount": 0}


async def test_a_forgery_is_a_forgery_to_every_verb(gate: Gate) -> None:
    tokens = await forgeries(gate)
    for verb in ("admissionRenew", "admissionLeave", "admissionVerify"):
        for name in ("alg none", "HS256 with the public key", "tampered", "access token", "session token"):
            assert (await gate.ask(verb, token=tokens[name]))["__typename"] == "AdmissionInvalidError", (verb, name)


async def test_an_admission_token_signs_nobody_in(gate: Gate) -> None:
    joined, inside = await gate.inside()
    authenticator = gate.api.runtime.authenticator
    for token in (inside, await gate.token(await gate.join())):
        with pytest.raises(Unauthenticated):
            await authenticator.authenticate(token)
        with pytest.raises(GraphQLFailed) as refusal:
            await gate.admission(joined, Caller(gate.api, token))
        assert refusal.value.code == "UNAUTHENTICATED"


async def test_what_signs_admissions_signs_nobody_in(gate: Gate) -> None:
    """Even with every claim of an access token: a key is good for one purpose."""
    authenticator = gate.api.runtime.authenticator
    header, claims, _ = parts(str(gate.business.admin.token))
    active = await authenticator.keys.signer(KeyPurpose.ADMISSION)
    for kid in (header["kid"], active.kid):
        token = jwt.encode({**header, "kid": kid}, claims, active.key, ["RS256"])
        with pytest.raises(Unauthenticated):
            await authenticator.authenticate(token)


async def test_a_token_of_a_session_that_does_not_exist(gate: Gate, other: Business) -> None:
    """Signed by us it cannot be, but a session can be gone with its tenant's data."""
    claims = await gate.api.runtime.admissions.read(await gate.token(await gate.join()))
    made_up = await gate.api.runtime.admissions.write(replace(claims, session_id=uuid4()))
    for verb in ("admissionEnter", "admissionRenew", "admissionLeave", "admissionVerify"):
        with pytest.raises(GraphQLFailed) as refusal:
            await gate.ask(verb, token=made_up)
        assert refusal.value.code == "NOT_FOUND"


async def test_a_number_that_was_never_given(gate: Gate) -> None:
    claims = await gate.api.runtime.admissions.read(await gate.token(await gate.join()))
    made_up = await gate.api.runtime.admissions.write(replace(claims, number=claims.number + 1))
    assert (await gate.ask("admissionEnter", token=made_up))["__typename"] == "AdmissionInvalidError"


async def test_verifying_is_a_function_of_token_key_and_issuer(gate: Gate) -> None:
    token = await gate.token(await gate.join())
    key = await gate.api.runtime.authenticator.keys.verifier(KeyPurpose.ADMISSION, header_of(token).kid)
    assert key is not None
    claims = verified(token, key, ISSUER)
    assert claims == await gate.api.runtime.admissions.read(token)
    with pytest.raises(AdmissionInvalid):
        verified(token, key, "https://another.example")
    with pytest.raises(AdmissionInvalid):
        verified(token, replace(key, key=RSAKey.generate_key(2048)), ISSUER)
    # Expired or not is for whoever knows the time.
    assert claims.expires_at - claims.issued_at == timedelta(seconds=60)


async def test_verify_asks_for_what_offline_cannot_be_known(gate: Gate) -> None:
    joined, token = await gate.inside()
    good = await gate.ask("admissionVerify", token=token)
    assert (good["admission"]["state"], good["isConsumed"]) == ("INSIDE", False)
    assert good["admission"]["sessionId"] == joined.id
    await ask(gate.business.admin, "admissionRevoke", sessionId=joined.id)
    refusal = await gate.ask("admissionVerify", token=token)
    assert (refusal["__typename"], refusal["end"]) == ("AdmissionOverError", "REVOKED")


async def test_a_token_is_consumed_once(gate: Gate) -> None:
    _, token = await gate.inside()
    assert (await gate.ask("admissionVerify", token=token, consume=True))["isConsumed"]
    again = await gate.ask("admissionVerify", token=token, consume=True)
    assert again["__typename"] == "AdmissionUsedError"
    assert (await gate.ask("admissionVerify", token=token))["isConsumed"]
    # It is the token that is used up, not the stay: the next one is another.
    gate.clock.advance(seconds=120)
    renewed = await gate.done("admissionRenew", token=token)
    assert (await gate.ask("admissionVerify", token=renewed["token"], consume=True))["isConsumed"]


async def test_what_is_over_is_not_consumed(gate: Gate) -> None:
    joined, token = await gate.inside()
    gate.clock.advance(seconds=601)
    refusal = await gate.ask("admissionVerify", token=token, consume=True)
    assert (refusal["__typename"], refusal["end"]) == ("AdmissionOverError", "STAY_OVER")
    async with gate.api.runtime.dbs.app.read(gate.ref.tenant_id) as tx:
        assert not await tx.rows("select 1 from admission_uses where session_id = $1", key_of("Session", joined.id))


async def test_bound_to_an_address(shop: Business, gate: Gate) -> None:
    """Visitors of this application come from 127.0.0.1."""
    bound = await open_gate(shop, gate.clock, bindAddress=True)
    joined = await bound.join()
    token = await bound.token(joined)
    assert len(parts(token)[1]["aph"]) == 43
    for verb in ("admissionEnter", "admissionVerify"):
        for address in ("127.0.0.2", None):
            given = {"token": token} | ({} if address is None else {"address": address})
            assert (await bound.ask(verb, **given))["__typename"] == "AdmissionAddressMismatchError"
        invalid = await bound.ask(verb, token=token, address="127.0.0.1:80")
        assert (invalid["__typename"], invalid["field"]) == ("InvalidInputError", "address")
    assert (await bound.ask("admissionVerify", token=token, address="::ffff:127.0.0.1"))["isConsumed"] is False
    entered = await bound.done("admissionEnter", token=token, address="127.0.0.1")
    assert parts(entered["token"])[1]["aph"] == parts(token)[1]["aph"]
    assert (await bound.ask("admissionRenew", token=entered["token"], address="10.0.0.1"))[
        "__typename"
    ] == "AdmissionAddressMismatchError"
    # The visitor's own devices, with the session token, are where they are.
    assert (await ask(joined.visitor, "admissionRenew"))["admission"]["state"] == "INSIDE"


async def test_not_bound_no_address_is_looked_at(gate: Gate) -> None:
    token = await gate.token(await gate.join())
    assert "aph" not in parts(token)[1]
    assert (await gate.done("admissionEnter", token=token, address="192.0.2.1"))["state"] == "INSIDE"


async def test_the_discovery_document(gate: Gate) -> None:
    answer = await gate.api.http.get("/.well-known/virtual-queue")
    assert answer.headers["cache-control"] == "public, max-age=300"
    base = gate.api.runtime.settings.base_url
    assert answer.json() == {
        "issuer": ISSUER,
        "jwks_uri": f"{base}/.well-known/jwks.json",
        "graphql_endpoint": f"{base}/graphql",
        "waiting_page": f"{base}/wait/{{queue}}?return={{url}}",
        "admission_token_type": "admission+jwt",
        "admission_token_signing_alg_values_supported": ["RS256", "Ed25519"],
        "claims_supported": ["iss", "aud", "sub", "queue", "tenant", "state", "iat", "exp", "jti", "aph"],
    }
    assert (await gate.api.http.get("/.well-known/jwks.json")).status_code == 200
