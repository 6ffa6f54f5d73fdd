"""Google, Microsoft and Facebook with their habits, by stand-ins that check what those check."""

from typing import Any

import pytest

from tests.providers.journey import Traveller, believe, refused
from tests.providers.stand_in import ELSEWHERE, HOME, SECRET, StandIn
from tests.support.api import Api, Business

WHO = "{ viewer { ... on User { email firstName lastName role } } }"


async def offered(business: Business, stand_in: StandIn, kind: str, **values: Any) -> dict[str, Any]:
    """One of the three, by the installation's own client."""
    return await believe(business, stand_in, kind=kind, **({"defaultRole": "CUSTOMER"} | values))


@pytest.mark.parametrize("scheme", ["", "bare"])
async def test_google(business: Business, honest: StandIn, traveller: Traveller, scheme: str) -> None:
    made = await offered(business, honest, "GOOGLE")
    assert made["redirectUri"].endswith("/auth/callback/google"), "what the installation has registered there"
    issuer = f"{honest.base}/google"
    # It calls itself by either name.
    honest.lies.claims = {"iss": issuer.partition("://")[2] if scheme else issuer}
    honest.person |= {"email": "anna@gmail.com"}
    viewer = await (await traveller.signed_in(business.slug, "sso"))(WHO)
    assert viewer == {"email": "anna@gmail.com", "firstName": "Anna", "lastName": "Ng", "role": "CUSTOMER"}
    assert honest.refused == []


async def test_google_workspace_gives_a_role(business: Business, honest: StandIn, traveller: Traveller) -> None:
    honest.speaks_as = "google"
    rule = {"claim": "hd", "value": "staff.example", "role": "STAFF"}
    await offered(business, honest, "GOOGLE", roleRules=[rule])
    honest.person |= {"hd": "staff.example"}
    assert (await (await traveller.signed_in(business.slug, "sso"))(WHO))["role"] == "STAFF"


async def test_google_does_not_know_whose_this_is(business: Business, honest: StandIn, traveller: Traveller) -> None:
    honest.speaks_as = "google"
    await offered(business, honest, "GOOGLE")
    refused(await traveller.sign_in(business.slug, "sso"), "email_unverified")


DIRECTORIES = {
    "everybody's": ([], HOME, True),
    "everybody's, elsewhere": ([], ELSEWHERE, True),
    "one": ([HOME], HOME, True),
    "one, but another": ([HOME], ELSEWHERE, False),
    "two": ([HOME, "0" * 8 + HOME[8:]], HOME, True),
    "two, but another": ([HOME, "0" * 8 + HOME[8:]], ELSEWHERE, False),
}


@pytest.mark.parametrize("case", DIRECTORIES)
async def test_microsoft(business: Business, honest: StandIn, traveller: Traveller, case: str) -> None:
    listed, directory, is_welcome = DIRECTORIES[case]
    await offered(business, honest, "MICROSOFT", directories=listed)
    honest.speaks_as = f"microsoft/{directory}/v2.0"
    honest.person |= {"tid": directory, "xms_edov": True}
    if is_welcome:
        await traveller.signed_in(business.slug, "sso")
    else:
        refused(await traveller.sign_in(business.slug, "sso"), "provider_failed")
    assert honest.refused == []


@pytest.mark.parametrize(
    "said",
    [
        {"tid": ELSEWHERE},
        {"tid": "{tenantid}"},
        {"tid": ""},
        {"tid": 7},
        {"tid": f"{HOME}/../{ELSEWHERE}"},
        {"tid": f"{HOME}\n"},
    ],
)
async def test_microsoft_speaks_for_one_directory_in_another_s_name(
    business: Business, honest: StandIn, traveller: Traveller, said: dict[str, Any]
) -> None:
    await offered(business, honest, "MICROSOFT")
    honest.speaks_as = f"microsoft/{HOME}/v2.0"
    honest.person |= {"xms_edov": True} | said
    refused(await traveller.sign_in(business.slug, "sso"), "provider_failed")


async def test_microsoft_s_addresses_are_what_somebody_typed(
    api: Api, business: Business, honest: StandIn, traveller: Traveller
) -> None:
    """Any directory's administrator can write the address of this business's administrator into a token."""
    await offered(business, honest, "MICROSOFT")
    honest.speaks_as = f"microsoft/{HOME}/v2.0"
    honest.person |= {"tid": HOME, "email": f"admin@{business.slug}.example"}
    refused(await traveller.sign_in(business.slug, "sso"), "email_unverified")
    # The business's own directory is another matter, if it says so.
    await believe(
        business,
        honest,
        kind="MICROSOFT",
        slug="own",
        directories=[HOME],
        emailTrusted=True,
    )
    viewer = await (await Traveller(api).signed_in(business.slug, "own"))(WHO)
    assert viewer["role"] == "ADMIN"


async def test_facebook(api: Api, business: Business, honest: StandIn, traveller: Traveller) -> None:
    made = await offered(business, honest, "FACEBOOK")
    assert made["redirectUri"].endswith("/auth/callback/facebook")
    honest.person = {"id": "123", "first_name": "Anna", "last_name": "Ng", "email": "anna@staff.example", "gender": "f"}
    # It vouches for no address; and whoever likes does not tell it.
    refused(await traveller.sign_in(business.slug, "sso"), "email_unverified")
    await believe(business, honest, kind="FACEBOOK", slug="trusted", emailTrusted=True, defaultRole="CUSTOMER")
    viewer = await (await Traveller(api).signed_in(business.slug, "trusted"))(WHO)
    assert viewer == {"email": "anna@staff.example", "firstName": "Anna", "lastName": "Ng", "role": "CUSTOMER"}
    honest.person = {"id": "456", "first_name": "Ben"}
    refused(await Traveller(api).sign_in(business.slug, "trusted"), "email_missing")
    assert honest.refused == []


async def test_facebook_s_errors(business: Business, honest: StandIn, traveller: Traveller) -> None:
    await offered(business, honest, "FACEBOOK")
    honest.person = {"id": "123"}
    honest.lies.token = {"error": {"message": "Invalid verification code", "type": "OAuthException", "code": 100}}
    refused(await traveller.sign_in(business.slug, "sso"), "provider_failed")


async def test_a_business_with_a_client_of_its_own(business: Business, honest: StandIn, traveller: Traveller) -> None:
    """Comes back to an address of its own: what was meant for another client cannot be led here."""
    honest.speaks_as = "google"
    made = await offered(business, honest, "GOOGLE", clientId="our-client", clientSecret=SECRET)
    assert made["redirectUri"].endswith(f"/auth/callback/{made['id']}")
    honest.person |= {"email": "anna@gmail.com"}
    await traveller.signed_in(business.slug, "sso")


async def test_no_client_at_all(api: Api, business: Business, honest: StandIn, traveller: Traveller) -> None:
    made = await offered(business, honest, "GOOGLE")
    conversations = api.runtime.journeys.conversations
    settings = conversations.settings
    try:
        conversations.settings = settings.model_copy(update={"google_client_id": None})
        (shown,) = await business.admin("{ identityProviders { id redirectUri } }")
        assert shown == {"id": made["id"], "redirectUri": None}
        answer = await traveller.set_out(business.slug, "sso")
        assert (answer.status_code, "There is no such provider here" in answer.text) == (400, True)
    finally:
        conversations.settings = settings
