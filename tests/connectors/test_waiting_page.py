"""The waiting page as it is served: its languages, what it may do, what it weighs. What it does: `test_browser.py`."""

import base64
import gzip
import hashlib
import re
from pathlib import Path
from string import Template

import orjson
import pytest

from app.api import waiting_page
from tests.support.api import Api, Business

FILES = Path(waiting_page.__file__).parent / "static" / "waiting"
TEXTS = orjson.loads((FILES / "texts.json").read_bytes())


@pytest.mark.parametrize(
    ("asked", "lang", "direction"),
    [
        ("", "en", "ltr"),
        ("de-CH, fr;q=0.9", "de", "ltr"),
        ("fi, fr;q=0.3, es;q=0.7", "es", "ltr"),
        ("ar-EG", "ar", "rtl"),
        ("fi", "en", "ltr"),
        ("fr;q=0, de;q=nonsense, *", "en", "ltr"),
        ("FR", "fr", "ltr"),
        ("x" * 5_000 + ", de", "en", "ltr"),
    ],
)
async def test_language_follows_the_browser(
    api: Api, business: Business, asked: str, lang: str, direction: str
) -> None:
    answer = await api.http.get(f"/wait/{await business.queue()}", headers={"accept-language": asked})
    assert answer.status_code == 200
    assert answer.headers["content-language"] == lang
    assert f'<html lang="{lang}" dir="{direction}">' in answer.text
    assert "Accept-Language" in answer.headers["vary"]


async def test_a_person_may_choose_another_language(api: Api, business: Business) -> None:
    path = f"/wait/{await business.queue()}"
    chosen = await api.http.get(f"{path}?lang=fr", headers={"accept-language": "de"})
    assert '<html lang="fr"' in chosen.text
    assert (await api.http.get(f"{path}?lang=%22%3E", headers={"accept-language": "de"})).text.count('lang="de"') == 2


async def test_only_what_is_written_in_the_page_runs(api: Api, business: Business) -> None:
    answer = await api.http.get(f"/wait/{await business.queue()}")
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    for directive, tag in (("script-src", "<script>"), ("style-src", "<style>")):
        (text,) = re.findall(f"{tag}(.*?)</", answer.text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert policy[directive] == f"'sha256-{digest}'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    socket = api.runtime.settings.base_url.replace("http", "ws")
    assert policy["connect-src"] == f"'self' {socket}"
    markup = re.sub(r"<(script|style).*?</\1>", "", answer.text, flags=re.DOTALL)
    assert re.findall(r"\s(?:on\w+|style|src)=", markup) == []
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_it_is_small_and_kept(api: Api, business: Business) -> None:
    path = f"/wait/{await business.queue()}"
    request = api.http.build_request("GET", path, headers={"accept-encoding": "gzip"})
    answer = await api.http.send(request, stream=True)
    packed = b"".join([part async for part in answer.aiter_raw()])
    assert answer.headers["content-encoding"] == "gzip"
    assert len(packed) < 12_000
    plain = await api.http.get(path, headers={"accept-encoding": "identity"})
    assert gzip.decompress(packed) == plain.content
    again = await api.http.get(path, headers={"if-none-match": plain.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("id", ["nonsense", "U2Vzc2lvbjp4", "%00"])
async def test_what_is_no_queue_has_no_page(api: Api, id: str) -> None:
    assert (await api.http.get(f"/wait/{id}")).status_code == 404


def test_every_language_says_everything() -> None:
    names = set(TEXTS["en"])
    placeholders = set(Template((FILES / "page.html").read_text()).get_identifiers())
    assert placeholders - names == {"lang", "dir", "style", "script", "texts", "languages"}
    used = set(re.findall(r"texts\.(\w+)", (FILES / "page.js").read_text()))
    assert used | (placeholders & names) | {"name"} == names, "nothing is missing, nothing is left over"
    assert set(TEXTS) == {"en", "de", "fr", "es", "ar"}
    for lang, texts in TEXTS.items():
        assert set(texts) == names, lang
        assert all(text.strip() for text in texts.values()), lang
