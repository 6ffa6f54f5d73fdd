"""The page behind the link by which a visit is rated: a form that works without JavaScript, in five languages.

Opening it changes nothing; sending the form does, as often as the queue's days allow. It names the business and the
queue, and nobody.
"""

import asyncio
from html import escape
from math import ceil
from typing import Final
from urllib.parse import parse_qs

from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from app.api.rating_texts import Texts, language, texts_in
from app.api.transport import request_id_of
from app.core.actor import Actor, ActorKind, Origin
from app.core.db.outage import is_worth_another_try
from app.core.errors import InvalidInput, NotFound, RateLimited
from app.core.ids import Ref
from app.queues import repository as queues
from app.ratings import repository, rules, service
from app.ratings.errors import RatingRefused
from app.ratings.links import PATH, read_token
from app.ratings.models import Rating, RatingSource
from app.ratings.rules import FeedbackConfig, Given
from app.runtime import Runtime
from app.sessions import repository as sessions
from app.sessions.errors import SessionMoved
from app.tenants import repository as tenants

_MAX_TOKEN: Final = 200
# A comment in letters of which each is twelve bytes in a form.
_MAX_BODY: Final = 40_000
_BODY_SECONDS: Final = 30.0
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
    "Vary": "Accept-Language",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
}
_PAGE: Final = """<!doctype html>
<html lang="{lang}" dir="{dir}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<title>{title}</title></head>
<body><main><h1>{title}</h1>{said}{form}</main></body></html>
"""


def rating_route(runtime: Runtime) -> Route:
    """The route of the links."""

    async def answer(request: Request) -> Response:
        token = request.path_params["token"]
        now = runtime.clock.now()
        visit = read_token(runtime.settings.secret, token, now) if len(token) <= _MAX_TOKEN else None
        if visit is None:
            return _gone()
        try:
            if request.method != "POST":
                return await _show(runtime, request, visit)
            # Every change is an event of the queue, for good: as many as by `sessionRate`, and no more.
            await runtime.gate.admit_by_link(_visitor(visit), _address(request), visit.tenant_id)
            given = await _given(request)
            return await _show(runtime, request, visit, given)
        except NotFound:
            return _gone()
        except RateLimited as limited:
            wait = str(max(1, ceil(limited.retry_after_seconds)))
            return PlainTextResponse("Too many requests. Try again shortly.\n", 429, {**_HEADERS, "Retry-After": wait})
        except Exception as problem:
            if not is_worth_another_try(problem):
                raise
            return PlainTextResponse("Try again shortly.\n", 503, {**_HEADERS, "Retry-After": "5"})

    return Route(f"{PATH}/{{token}}", answer, methods=["GET", "POST"])


async def _show(
    runtime: Runtime, request: Request, visit: Ref, given: "Given | InvalidInput | None" = None
) -> Response:
    """The page, after what was sent has been written down, if anything was."""
    refused: InvalidInput | RatingRefused | None = given if isinstance(given, InvalidInput) else None
    if isinstance(given, Given):
        try:
            await _rate(runtime, request, visit, given)
        except (InvalidInput, RatingRefused) as problem:
            refused = problem
    async with runtime.dbs.app.read(visit.tenant_id) as tx:
        tenant = await tenants.get(tx, visit.tenant_id)
        session = await sessions.get(tx, visit.id)
        queue = await queues.get(tx, session.queue_id)
        config = await service.feedback(tx, queue.id)
        rating = (await repository.ratings_of(tx, [visit.id])).get(visit.id)
        lang = language(request.headers.get("accept-language", ""), session.locale)
    texts = texts_in(lang)
    try:
        rules.ensure_ratable(config, session.status, session.started_at, session.ended_at, runtime.clock.now())
    except RatingRefused as problem:
        return _page(lang, tenant.name, texts, _status(texts.refused[problem.reason]), "", 410)
    if refused is not None:
        said, status = _status(texts.invalid), 422
    elif given is not None:
        said, status = _status(texts.thanks), 200
    else:
        said, status = f"<p>{escape(queue.name)}</p>", 200
    return _page(lang, tenant.name, texts, said, _form(texts, config, rating), status)


async def _rate(runtime: Runtime, request: Request, visit: Ref, given: Given) -> None:
    origin, request_id = Origin.of(_address(request), request.headers.get("user-agent")), request_id_of(request.headers)
    while True:
        try:
            async with runtime.dbs.app.write(visit.tenant_id, _visitor(visit), request_id, origin) as tx:
                await service.rate(tx, visit.id, given, RatingSource.LINK)
            return
        except SessionMoved:
            continue


def _visitor(visit: Ref) -> Actor:
    # Whoever has the link is taken for the visitor, as who has the session's token is.
    return Actor(ActorKind.VISITOR, visit.tenant_id, visit.id)


def _address(request: Request) -> str | None:
    return None if request.client is None else request.client.host


async def _given(request: Request) -> Given | InvalidInput:
    """What the form says; why it cannot be read."""
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > _MAX_BODY:
                    return InvalidInput("comment", "The form is too long.")
        fields = parse_qs(body.decode("ascii"), max_num_fields=10, errors="strict")
        nps = fields.get("nps", [""])[0]
        return Given(int(fields["score"][0]), int(nps) if nps else None, _lines(fields.get("comment", [""])[0]))
    except (ClientDisconnect, TimeoutError, ValueError, KeyError):
        return InvalidInput("score", "Send the form as it is.")


def _lines(text: str) -> str | None:
    # Forms end lines with two characters: sent again as it was, it would be another comment.
    return text.replace("\r\n", "\n") or None


def _form(texts: Texts, config: FeedbackConfig, rating: Rating | None) -> str:
    fields = [
        _choices(
            "score",
            texts.score,
            {score: f"{score} – {texts.scores[score - 1]}" for score in range(rules.MAX_SCORE, 0, -1)},
            None if rating is None else rating.score,
            required=True,
        )
    ]
    if config.asks_nps:
        numbers = {number: str(number) for number in range(rules.MAX_NPS + 1)}
        fields.append(_choices("nps", texts.nps, numbers, None if rating is None else rating.nps, required=False))
    if config.asks_comment:
        comment = escape("" if rating is None else rating.comment or "")
        # A textarea drops a line break right behind its tag: one that is there before the text is never the text's.
        fields.append(
            f'<p><label>{escape(texts.comment)}<br><textarea name="comment" rows="5" cols="40" '
            f'maxlength="{rules.MAX_COMMENT}">\n{comment}</textarea></label></p>'
        )
    return f'<form method="post">{"".join(fields)}<p><button>{escape(texts.button)}</button></p></form>'


def _choices(name: str, question: str, choices: dict[int, str], chosen: int | None, *, required: bool) -> str:
    radios = "".join(
        f'<label><input type="radio" name="{name}" value="{value}"{" required" if required else ""}'
        f"{' checked' if value == chosen else ''}> {escape(label)}</label> "
        for value, label in choices.items()
    )
    return f"<fieldset><legend>{escape(question)}</legend>{radios}</fieldset>"


def _status(text: str) -> str:
    return f'<p role="status">{escape(text)}</p>'


def _page(lang: str, tenant: str, texts: Texts, said: str, form: str, status: int) -> Response:
    html = _PAGE.format(
        lang=lang,
        dir="rtl" if lang == "ar" else "ltr",
        title=escape(texts.title.format(tenant=tenant)),
        said=said,
        form=form,
    )
    return HTMLResponse(html, status, {**_HEADERS, "Content-Language": lang})


def _gone() -> Response:
    return PlainTextResponse("This link is not good, or its time is over.\n", 404, _HEADERS)
