"""The link in a message: what it says, who can make one, and what its page and one click do."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

import httpx
import pytest
from sqlmodel import col, select

from app.core.events import EventRow
from app.core.ids import decode
from app.notifications.models import NotificationChannel
from app.notifications.preferences.links import PATH, opt_out_url, read_token
from app.notifications.preferences.repository import index_of
from app.notifications.preferences.service import is_opted_out
from tests.support.api import Api, Business

EMAIL, ANNA = NotificationChannel.EMAIL, "anna@example.com"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


class Link:
    """A link of a business, and how the address stands there."""

    def __init__(self, api: Api, tenant_id: object, url: str) -> None:
        self.api, self.tenant_id, self.path = api, tenant_id, url.removeprefix(api.runtime.settings.base_url)

    async def is_out(self) -> bool:
        async with self.api.runtime.dbs.app.read(self.tenant_id) as tx:  # type: ignore[arg-type]
            return await is_opted_out(tx, EMAIL, ANNA)

    async def get(self, **headers: str) -> httpx.Response:
        return await self.api.http.get(self.path, headers=headers)

    async def post(self, body: dict[str, str]) -> httpx.Response:
        return await self.api.http.post(self.path, data=body)


@pytest.fixture
async def link(api: Api, business: Business) -> Link:
    tenant = await business.admin("{ viewer { ... on User { tenant { id } } } }")
    tenant_id = decode("Tenant", tenant["tenant"]["id"]).id
    settings = api.runtime.settings
    async with api.runtime.dbs.app.read(tenant_id):
        url = opt_out_url(settings.secret, settings.base_url, tenant_id, EMAIL, ANNA)
    assert url is not None
    return Link(api, tenant_id, url)


async def test_opening_the_link_changes_nothing_and_its_button_does(link: Link, business: Business) -> None:
    page = await link.get()
    assert page.status_code == 200
    assert "no more messages" in page.text
    assert not await link.is_out()
    button = re.search(r'<button name="(\w+)" value="(\w+)">', page.text)
    assert button is not None
    assert (await link.post({button[1]: button[2]})).status_code == 200
    assert await link.is_out()
    again = await link.get()
    assert 'value="in"' in again.text
    assert (await link.post({"wish": "in"})).status_code == 200
    assert not await link.is_out()
    async with link.api.runtime.dbs.app.read(link.tenant_id) as tx:  # type: ignore[arg-type]
        found = await tx.exec(
            select(EventRow.type, EventRow.actor, EventRow.revision)
            .where(EventRow.aggregate_type == "notification_opt_out")
            .order_by(col(EventRow.revision))
        )
        assert list(found.all()) == [
            ("NOTIFICATION_OPTED_OUT", "ANONYMOUS", 1),
            ("NOTIFICATION_OPTED_IN", "ANONYMOUS", 2),
        ]


async def test_one_click_of_a_mail_program_is_enough_however_it_sends_it(link: Link) -> None:
    assert (await link.post(ONE_CLICK)).status_code == 200
    assert await link.is_out()
    assert (await link.post(ONE_CLICK)).status_code == 200
    await link.post({"wish": "in"})
    multipart = await link.api.http.post(link.path, files={"List-Unsubscribe": (None, "One-Click")})
    assert multipart.status_code == 200
    assert await link.is_out()


@pytest.mark.parametrize("body", [{}, {"wish": "maybe"}, {"wish": "out", "x": "y" * 2_000}])
async def test_a_post_that_says_nothing_we_know_does_nothing(link: Link, body: dict[str, str]) -> None:
    assert (await link.post(body)).status_code == 400
    assert not await link.is_out()


@pytest.mark.parametrize("at", [0, 5, 17, 20, 40, 49])
async def test_a_link_that_was_changed_is_none(link: Link, at: int) -> None:
    token = link.path.rpartition("/")[2]
    raw = bytearray(urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    raw[at] ^= 1
    link.path = f"{PATH}/{urlsafe_b64encode(raw).rstrip(b'=').decode()}"
    assert (await link.get()).status_code == 404
    assert (await link.post(ONE_CLICK)).status_code == 404


@pytest.mark.parametrize("token", ["x", "é", "A" * 67, "A" * 5_000, "%00", "%2e%2e"])
async def test_nonsense_is_no_link(api: Api, token: str) -> None:
    assert (await api.http.get(f"{PATH}/{token}")).status_code == 404


async def test_a_link_says_nothing_about_whose_it_is_and_is_nobody_elses(link: Link, business: Business) -> None:
    token, secret = link.path.rpartition("/")[2], link.api.runtime.settings.secret
    said = read_token(secret, token)
    assert said is not None
    assert said == (link.tenant_id, (EMAIL, index_of(said.tenant_id, EMAIL, ANNA)))
    raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    assert b"anna" not in raw
    assert read_token(secret + "x", token) is None
    other = opt_out_url(secret, "", said.tenant_id, EMAIL, "ben@example.com")
    assert other is not None
    assert other.rpartition("/")[2] != token
    assert opt_out_url(secret, "", said.tenant_id, NotificationChannel.PUSH, "{}") is None


@pytest.mark.parametrize(("asked", "lang"), [("de-CH, en", "de"), ("fi, ar;q=0.5", "ar"), ("fi", "en"), ("", "en")])
async def test_the_page_speaks_the_readers_language_and_runs_nothing(link: Link, asked: str, lang: str) -> None:
    page = await link.get(**{"accept-language": asked})
    assert page.headers["content-language"] == lang
    assert f'<html lang="{lang}" dir="{"rtl" if lang == "ar" else "ltr"}">' in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"


async def test_the_name_of_the_business_is_text_on_the_page(api: Api) -> None:
    business = await api.new_business(name="<b>Bread</b> & Co")
    tenant = await business.admin("{ viewer { ... on User { tenant { id } } } }")
    tenant_id = decode("Tenant", tenant["tenant"]["id"]).id
    async with api.runtime.dbs.app.read(tenant_id):
        url = opt_out_url(api.runtime.settings.secret, "", tenant_id, EMAIL, ANNA)
    page = await api.http.get(url or "")
    assert "&lt;b&gt;Bread&lt;/b&gt; &amp; Co" in page.text
