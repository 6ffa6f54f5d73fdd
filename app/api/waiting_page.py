"""The waiting page: one document per language, made once when the process starts, the same for every queue and visitor.

It brings its style and script along, so that a rush costs one small answer each. What it shows it asks of the GraphQL
API, as any front-end does; nothing of a queue is known here.
"""

import gzip
import hashlib
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

import orjson
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from app.core.errors import NotFound
from app.core.ids import decode

_FILES = Path(__file__).parent / "static" / "waiting"
_PARTS = ("page.css", "operations.js", "socket.js", "page.js")
_DEFAULT = "en"
_RIGHT_TO_LEFT = frozenset({"ar"})


@dataclass(frozen=True, slots=True)
class _Page:
    """One language's page, ready to send."""

    body: bytes
    packed: bytes
    etag: str


class WaitingPage:
    """Answers `/wait/<queue id>`. `api_url` is where browsers find the API, whose socket the page may open."""

    def __init__(self, api_url: str) -> None:
        texts: dict[str, dict[str, str]] = orjson.loads((_FILES / "texts.json").read_bytes())
        style, *parts = ((_FILES / name).read_text(encoding="utf-8") for name in _PARTS)
        script = "(() => {\n" + '"use strict";\n' + "".join(parts) + "})();\n"
        template = Template((_FILES / "page.html").read_text(encoding="utf-8"))
        self._pages = {lang: _page(template, style, script, lang, texts) for lang in texts}
        self._headers = {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Security-Policy": _policy(style, script, api_url),
            # The address back to the site is in the page's address, and its token is nobody else's business.
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
            "Cache-Control": "public, max-age=60",
            "Vary": "Accept-Language, Accept-Encoding",
        }

    def route(self) -> Route:
        """Where it is."""
        return Route("/wait/{queue_id}", self.answer)

    async def answer(self, request: Request) -> Response:
        """The page in the language asked for."""
        try:
            decode("Queue", request.path_params["queue_id"])
        except NotFound:
            return PlainTextResponse("There is no such queue.\n", 404)
        given = request.query_params.get("lang", "")
        lang = given if given in self._pages else self._preferred(request.headers.get("accept-language", ""))
        page = self._pages[lang]
        headers = self._headers | {"Content-Language": lang, "ETag": page.etag}
        if request.headers.get("if-none-match") == page.etag:
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(page.packed, headers=headers | {"Content-Encoding": "gzip"})
        return Response(page.body, headers=headers)

    def _preferred(self, accepted: str) -> str:
        """The language somebody likes best of those there are: `de-CH, fr;q=0.9` is `de`."""
        best, most = _DEFAULT, 0.0
        for part in accepted[:500].split(","):
            tag, _, parameter = part.partition(";")
            lang = tag.strip().lower().partition("-")[0]
            weight = _weight(parameter)
            if lang in self._pages and weight > most:
                best, most = lang, weight
        return best


def _page(template: Template, style: str, script: str, lang: str, texts: Mapping[str, Mapping[str, str]]) -> _Page:
    # In a script element only `<` can end the JSON early.
    data = orjson.dumps({"lang": lang, "texts": texts[lang]}).decode().replace("<", "\\u003c")
    body = template.substitute(
        {key: escape(text) for key, text in texts[lang].items()},
        lang=lang,
        dir="rtl" if lang in _RIGHT_TO_LEFT else "ltr",
        style=style,
        script=script,
        texts=data,
        languages="".join(_language(each, texts[each]["name"], lang) for each in texts),
    ).encode()
    etag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
    return _Page(body, gzip.compress(body, mtime=0), etag)


def _language(lang: str, name: str, shown: str) -> str:
    if lang == shown:
        return f'<li><strong lang="{lang}" aria-current="true">{escape(name)}</strong></li>'
    return f'<li><a href="?lang={lang}" hreflang="{lang}" lang="{lang}" data-lang="{lang}">{escape(name)}</a></li>'


def _weight(parameter: str) -> float:
    """Of `q=0.8`; what says nothing is 1, what cannot be read 0."""
    name, _, value = parameter.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return min(1.0, max(0.0, float(value)))
    except ValueError:
        return 0.0


def _policy(style: str, script: str, api_url: str) -> str:
    """Only what is written in the page runs, and it may talk to nobody but the API."""
    socket = api_url.replace("http", "ws", 1)
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src '{_digest(script)}'",
            f"style-src '{_digest(style)}'",
            "img-src data:",
            # Not every browser lets 'self' stand for the same host's websocket.
            f"connect-src 'self' {socket}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


def _digest(text: str) -> str:
    return f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
