"""What is decided purely: whose address counts, which role follows from what, where people may be sent."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from app.core.errors import InvalidInput
from app.core.outbound import network
from app.identity.models import Role
from app.identity.providers import secrets, values
from app.identity.providers.claims import RoleRule, person_of, role_rule_for, values_of
from app.identity.providers.models import IdentityProvider, ProviderKind
from app.identity.providers.secrets import Sealer, Unsealable

GOOGLE, MICROSOFT, FACEBOOK, OIDC = ProviderKind
LOCAL = [network("127.0.0.0/8"), network("::1/128")]


@pytest.mark.parametrize(
    ("kind", "claims", "trusted", "verified"),
    [
        (OIDC, {"email_verified": True}, False, True),
        (OIDC, {"email_verified": "true"}, False, True),
        (OIDC, {}, False, False),
        (OIDC, {"email_verified": False}, False, False),
        (OIDC, {"email_verified": "false"}, False, False),
        (OIDC, {"email_verified": "yes"}, False, False),
        (OIDC, {}, True, True),
        (OIDC, {"email_verified": False}, True, False),
        (OIDC, {"email_verified": None}, False, False),
        # Of addresses that are not its own, Google knows that somebody had them once.
        (GOOGLE, {"email_verified": True}, False, False),
        (GOOGLE, {"email_verified": True, "hd": "shop.example"}, False, True),
        (GOOGLE, {"email_verified": True, "email": "anna@gmail.com"}, False, True),
        (GOOGLE, {"email_verified": True, "email": "anna@gmail.com.evil.example"}, False, False),
        (GOOGLE, {"email_verified": False, "email": "anna@gmail.com"}, True, False),
        (GOOGLE, {"email_verified": True}, True, True),
        (GOOGLE, {}, True, False),
        # Whoever runs a directory types what they like.
        (MICROSOFT, {}, False, False),
        (MICROSOFT, {"email_verified": True}, False, False),
        (MICROSOFT, {"xms_edov": True}, False, True),
        (MICROSOFT, {"xms_edov": "1"}, False, True),
        (MICROSOFT, {"xms_edov": 1}, False, True),
        (MICROSOFT, {"xms_edov": False}, False, False),
        (MICROSOFT, {"xms_edov": "0"}, False, False),
        (MICROSOFT, {}, True, True),
        (FACEBOOK, {}, False, False),
        (FACEBOOK, {}, True, True),
    ],
)
def test_whose_address_counts(kind: ProviderKind, claims: dict[str, Any], trusted: bool, verified: bool) -> None:
    person = person_of(kind, {"sub": "1", "id": "1", "email": "anna@shop.example"} | claims, email_trusted=trusted)
    assert person is not None
    assert person.email_verified is verified


@pytest.mark.parametrize("claims", [{}, {"sub": ""}, {"sub": 7}, {"sub": "x" * 256}, {"sub": None}, {"id": "1"}])
def test_nobody(claims: dict[str, Any]) -> None:
    assert person_of(OIDC, claims, email_trusted=True) is None


@pytest.mark.parametrize("email", [None, 7, "", "nobody", "a@b@c", ["anna@shop.example"], "anna@shop.example\x00"])
def test_what_is_no_address_is_none(email: Any) -> None:
    person = person_of(OIDC, {"sub": "1", "email": email, "email_verified": True}, email_trusted=True)
    assert person is not None
    assert (person.email, person.email_verified) == (None, False)


def test_a_person_s_name_is_made_to_fit() -> None:
    claims = {"sub": "1", "email": " Anna@Shop.Example ", "given_name": "An\x00na\n", "family_name": "x" * 200}
    person = person_of(OIDC, claims, email_trusted=False)
    assert person is not None
    assert (person.email, person.first_name) == ("anna@shop.example", "An na")
    assert person.last_name == "x" * 100
    nameless = person_of(OIDC, {"sub": "1", "given_name": ["Anna"], "family_name": "\x01"}, email_trusted=False)
    assert nameless is not None
    assert (nameless.first_name, nameless.last_name) == (None, None)


CLAIMS = {
    "groups": ["staff", "Managers", 7, True, {"staff": 1}, None],
    "hd": "shop.example",
    "level": 3,
    "realm_access": {"roles": ["boss"]},
    "https://shop.example/roles": ["far"],
    "a.b": "written so",
    "a": {"b": "inside"},
}


@pytest.mark.parametrize(
    ("claim", "found"),
    [
        ("groups", ["staff", "Managers", "7", "true"]),
        ("hd", ["shop.example"]),
        ("level", ["3"]),
        ("realm_access.roles", ["boss"]),
        ("https://shop.example/roles", ["far"]),
        ("a.b", ["written so"]),
        ("realm_access", []),
        ("realm_access.roles.more", []),
        ("nothing", []),
        ("", []),
    ],
)
def test_what_a_claim_says(claim: str, found: list[str]) -> None:
    assert values_of(CLAIMS, claim) == found


def test_the_first_rule_that_fits_counts() -> None:
    rules = [
        RoleRule("groups", "managers", Role.ADMIN),
        RoleRule("groups", "staff", Role.STAFF),
        RoleRule("hd", "shop.example", Role.MANAGER),
    ]
    found = role_rule_for(rules, CLAIMS)
    assert found is not None
    assert found.role is Role.STAFF, "upper and lower case are not the same"
    assert role_rule_for(rules, {"groups": "staffs", "hd": ["shop.example.org"]}) is None
    assert role_rule_for(rules[1:2], {"groups": "staff"}) is not None


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://shop.example/a?b=c#d", "https://shop.example"),
        ("https://shop.example:443/", "https://shop.example"),
        ("http://127.0.0.1:8000/graphql", "http://127.0.0.1:8000"),
        ("http://[::1]:80/", "http://[::1]"),
        ("https://shop.example:8443", "https://shop.example:8443"),
        ("//shop.example/", None),
        ("javascript:alert(1)//https://shop.example", None),
        ("https://user@shop.example/", None),
        ("https://shop.example@evil.example/", None),
        ("https://shop.example\\@evil.example/", None),
        ("https://shop.example\n/", None),
        ("https:///shop.example", None),
        ("https://shop.example:port/", None),
        ("https://shöp.example/", None),
        ("https://shop.example/" + "x" * 1000, None),
        ("", None),
    ],
)
def test_origins(url: str, origin: str | None) -> None:
    assert values.origin_of(url) == origin


@pytest.mark.parametrize(
    ("url", "askable"),
    [
        ("https://login.example.com", True),
        ("https://login.example.com:8443/realms/a", True),
        ("http://login.example.com", False),
        ("http://127.0.0.1:9000/realms/a", True),
        ("http://[::1]:9000", True),
        ("http://10.0.0.1", False),
        ("http://localhost:9000", False),
        ("https://a:b@login.example.com", False),
        ("https://login.example.com/#a", False),
        ("https://login.example.com/ a", False),
        ("ftp://127.0.0.1/", False),
        ("file:///etc/passwd", False),
        ("https://", False),
        ("https://[::1", False),
        (None, False),
        (7, False),
    ],
)
def test_what_may_be_asked(url: object, askable: bool) -> None:
    assert values.is_askable(url, LOCAL) is askable


def test_without_networks_tls_is_needed_everywhere() -> None:
    assert not values.is_askable("http://127.0.0.1:9000", [])
    with pytest.raises(InvalidInput):
        values.issuer("http://127.0.0.1:9000", [])
    assert values.issuer("http://127.0.0.1:9000", LOCAL) == "http://127.0.0.1:9000"


def provider(**given: Any) -> IdentityProvider:
    return IdentityProvider(**({"tenant_id": uuid4(), "kind": OIDC, "issuer": "https://a", "client_id": "us"} | given))


RULE = values.role_rules([RoleRule("groups", "staff", Role.STAFF)])


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, None),
        ({"default_role": Role.ADMIN}, None),
        ({"role_rules": RULE, "roles_follow": True, "email_trusted": True}, None),
        ({"issuer": None}, "issuer"),
        ({"client_id": None}, "clientId"),
        ({"directories": ["x"]}, "directories"),
        ({"roles_follow": True}, "rolesFollow"),
        ({"default_role": Role.SUPER_ADMIN}, "defaultRole"),
        ({"kind": GOOGLE}, "issuer"),
        ({"kind": GOOGLE, "issuer": None}, None),
        ({"kind": GOOGLE, "issuer": None, "default_role": Role.CUSTOMER, "role_rules": RULE}, None),
        ({"kind": GOOGLE, "issuer": None, "default_role": Role.STAFF}, "defaultRole"),
        ({"kind": GOOGLE, "issuer": None, "client_id": None, "secret_sealed": b"x"}, "clientSecret"),
        ({"kind": FACEBOOK, "issuer": None, "role_rules": RULE}, "roleRules"),
        ({"kind": FACEBOOK, "issuer": None, "default_role": Role.STAFF}, "defaultRole"),
        ({"kind": MICROSOFT, "issuer": None, "default_role": Role.STAFF}, "defaultRole"),
        ({"kind": MICROSOFT, "issuer": None, "default_role": Role.STAFF, "directories": ["x"]}, None),
        ({"kind": MICROSOFT, "issuer": None, "email_trusted": True}, "emailTrusted"),
        ({"kind": MICROSOFT, "issuer": None, "email_trusted": True, "directories": ["x"]}, None),
    ],
)
def test_what_fits_together(given: dict[str, Any], field: str | None) -> None:
    if field is None:
        values.ensure_whole(provider(**given))
        return
    with pytest.raises(InvalidInput) as refused:
        values.ensure_whole(provider(**given))
    assert refused.value.field == field


@pytest.mark.parametrize(
    "rule",
    [
        RoleRule("", "x", Role.STAFF),
        RoleRule("x", "", Role.STAFF),
        RoleRule("x", "y" * 201, Role.STAFF),
        RoleRule("x\x00", "y", Role.STAFF),
        RoleRule("x", "y"),
        RoleRule("x", "y", Role.STAFF, UUID(int=1)),
        RoleRule("x", "y", Role.SUPER_ADMIN),
    ],
)
def test_rules_that_are_none(rule: RoleRule) -> None:
    with pytest.raises(InvalidInput) as refused:
        values.role_rules([RoleRule("a", "b", Role.STAFF), rule])
    assert refused.value.field == "roleRules.1"


def test_rules_are_read_as_they_were_written() -> None:
    rules = [RoleRule("a", "b", Role.STAFF), RoleRule("c", "d", None, uuid4())]
    assert values.role_rules_in(provider(role_rules=values.role_rules(rules))) == rules
    with pytest.raises(InvalidInput):
        values.role_rules(rules[:1] * 101)


def test_a_verifier_answers_its_own_challenge_only() -> None:
    # RFC 7636, appendix B.
    challenge, verifier = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert secrets.is_challenge(challenge)
    assert secrets.answers(challenge, verifier)
    assert not secrets.answers(challenge, verifier[:-1] + "l")
    # `plain` is not spoken here.
    assert not secrets.answers(verifier, verifier)
    assert not secrets.answers(challenge, "")
    for text in ("", challenge[:-1], challenge + "=", challenge[:-1] + "+"):
        assert not secrets.is_challenge(text)


def test_codes_name_their_tenant() -> None:
    tenant_id = uuid4()
    code = secrets.new_code(tenant_id)
    assert secrets.tenant_of_code(code) == tenant_id
    assert code != secrets.new_code(tenant_id)
    for text in ("", "vqs_", code[:-1], code + "A", "vqr_" + code[4:], code[:-1] + "é"):
        assert secrets.tenant_of_code(text) is None


def test_what_is_sealed_for_one_place_is_nothing_at_another() -> None:
    sealer = Sealer("s" * 32)
    text = sealer.seal_text(b"{}", "state:a")
    assert sealer.unseal_text(text, "state:a") == b"{}"
    flipped = text[:-1] + ("A" if text[-1] != "A" else "B")
    for other, place in ((text, "state:b"), (flipped, "state:a"), ("", "state:a"), ("é", "state:a"), ("A", "state:a")):
        with pytest.raises(Unsealable):
            sealer.unseal_text(other, place)
    with pytest.raises(Unsealable):
        Sealer("t" * 32).unseal_text(text, "state:a")
    sealed = sealer.seal_client_secret("secret", UUID(int=1))
    assert b"secret" not in sealed
    assert sealer.unseal_client_secret(sealed, UUID(int=1)) == "secret"
