"""The link and its page: signed, until a time, for one visit; a form that works without JavaScript."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from uuid import uuid4

import pytest

from app.core.errors import RateLimited
from app.core.ids import Ref
from app.core.limits import CLIENT_REQUESTS, Balance, Spending
from app.ratings.links import PATH, rating_url, read_token
from tests.ratings.conftest import Tamper, Visit, serve
from tests.support.api import Api, Business
from tests.support.desk import open_desk

NOW = datetime(2026, 5, 4, 10, tzinfo=UTC)


class Form(HTMLParser):
    """What a browser would send of a page as it is, and what the page says."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.choices: dict[str, list[str]] = {}
        self.texts: list[str] = []
        self._area: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name, value = given.get("name") or "", given.get("value") or ""
        if tag == "input":
            self.choices.setdefault(name, []).append(value)
            if "checked" in given:
                self.fields[name] = value
        elif tag == "textarea":
            self._area, self.fields[name] = name, ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = None

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            # The line break right behind the tag is not the text's.
            self.fields[self._area] = data.removeprefix("\n")
        elif data.strip():
            self.texts.append(data.strip())


async def test_opening_changes_nothing_and_the_form_does(api: Api, visit: Visit) -> None:
    path = await visit.link()
    assert path.startswith(f"{PATH}/")
    await visit.ask_for(asksNps=True)
    page = await api.http.get(path)
    form = Form(page.text)
    assert page.status_code == 200
    assert "<script" not in page.text
    assert form.choices == {"score": ["5", "4", "3", "2", "1"], "nps": [str(number) for number in range(11)]}
    assert form.fields == {"comment": ""}
    assert (await visit.shown())["rating"] is None
    words = '\nGood & <b>quick</b>\r\n"thanks"'
    sent = await api.http.post(path, data={"score": "4", "nps": "0", "comment": words})
    assert sent.status_code == 200
    assert "Thank you" in sent.text
    kept = 'Good & <b>quick</b>\n"thanks"'
    assert (await visit.shown())["rating"] == {"score": 4, "nps": 0, "comment": kept, "source": "LINK"}
    # As a browser shows it, and sends it again.
    again = Form((await api.http.get(path)).text)
    assert again.fields == {"score": "4", "nps": "0", "comment": kept}
    await api.http.post(path, data=again.fields)
    assert len(await visit.ratings_in_log()) == 1
    await api.http.post(path, data={"score": "5"})
    assert (await visit.shown())["rating"] == {"score": 5, "nps": None, "comment": None, "source": "LINK"}


@pytest.mark.parametrize(
    "body",
    [
        *("", "score=", "score=6", "score=4x", "nps=3", "score=5&nps=11", "score=5&comment=%ff", "score=5&comment=%00"),
        *("score=5&comment=" + "x" * 2_001, "score=5&comment=" + "x" * 50_000, "score=5" + "&a=1" * 50),
    ],
)
async def test_what_is_no_answer_changes_nothing_and_says_so(api: Api, visit: Visit, body: str) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await api.http.post(await visit.link(), content=body, headers=headers)
    assert answer.status_code == 422
    assert "could not be saved" in answer.text
    assert (await visit.shown())["rating"] is None


async def test_looking_is_free_and_sending_counts_as_an_operation_of_the_visitors(
    api: Api, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, spent = await visit.link(), list[str]()

    async def spend(spendings: Sequence[Spending], address: str | None) -> list[Balance]:
        spent.extend(each.key for each in spendings)
        if len(spent) > 2:
            raise RateLimited("Too many.", 12.5, CLIENT_REQUESTS)
        return []

    monkeypatch.setattr(api.runtime.gate._limiter, "spend", spend)
    assert [(await ask(path)).status_code for ask in (api.http.get, api.http.head)] == [200, 200]
    assert spent == []
    assert (await api.http.post(path, data={"score": "4"})).status_code == 200
    assert spent == [f"client/VISITOR:{visit.ref.id}", f"tenant/{visit.ref.tenant_id}"]
    refused = await api.http.post(path, data={"score": "1"})
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "13")
    assert [event["score"] for event in await visit.ratings_in_log()] == [4]


async def test_when_it_is_over_the_page_says_so(api: Api, visit: Visit, tamper: Tamper) -> None:
    path = await visit.link()
    await visit.ask_for(isAsked=False)
    assert (await api.http.get(path)).status_code == 410
    # The queue takes ratings for less long than when the link was made.
    await visit.ask_for(days=1)
    await tamper(
        "update sessions set ended_at = now() - interval '2 days' where tenant_id = $1 and id = $2", *visit.ref
    )
    late = await api.http.post(path, data={"score": "5"})
    assert late.status_code == 410
    assert "is over" in late.text
    assert (await visit.shown())["rating"] is None


@pytest.mark.parametrize(
    ("chosen", "asked", "lang"),
    [(None, "de-CH, en", "de"), (None, "fi", "en"), ("fr-CA", "de", "fr"), ("ar", "", "ar"), ("fi", "es", "es")],
)
async def test_in_the_visitors_language(
    api: Api, business: Business, chosen: str | None, asked: str, lang: str
) -> None:
    visit = await serve(api, await open_desk(business), **({} if chosen is None else {"locale": chosen}))
    page = await api.http.get(await visit.link(), headers={"Accept-Language": asked})
    assert page.headers["Content-Language"] == lang
    assert f'lang="{lang}" dir="{"rtl" if lang == "ar" else "ltr"}"' in page.text
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert page.headers["Cache-Control"] == "no-store"


def test_a_link_is_good_for_one_visit_until_its_time() -> None:
    visit = Ref(uuid4(), uuid4())
    token = rating_url("secret", "https://queue.example", visit, NOW).rpartition("/")[2]
    assert read_token("secret", token, NOW) == visit
    assert read_token("secret", token, NOW + timedelta(seconds=1)) is None
    assert read_token("other", token, NOW) is None
    raw = bytearray(urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    for at in range(len(raw)):
        changed = bytes(byte ^ (1 if index == at else 0) for index, byte in enumerate(raw))
        assert read_token("secret", urlsafe_b64encode(changed).rstrip(b"=").decode(), NOW) is None


@pytest.mark.parametrize("token", ["x", "é", "A" * 96, "A" * 5_000, "%00"])
async def test_nonsense_is_no_link(api: Api, token: str) -> None:
    assert (await api.http.get(f"{PATH}/{token}")).status_code == 404
    assert (await api.http.post(f"{PATH}/{token}", data={"score": "5"})).status_code == 404


async def test_a_link_of_another_tenants_session_finds_nothing(api: Api, visit: Visit) -> None:
    settings = api.runtime.settings
    other = await serve(api, await open_desk(await api.new_business()))
    crossed = rating_url(
        settings.secret,
        "",
        Ref(visit.ref.tenant_id, other.ref.id),
        datetime.now(UTC) + timedelta(days=1),
    )
    assert (await api.http.get(crossed)).status_code == 404
    assert (await api.http.post(crossed, data={"score": "1"})).status_code == 404
    assert (await other.shown())["rating"] is None
