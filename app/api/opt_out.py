"""The page behind the link by which somebody opts out of messages, and the one click mail programs make of it.

Opening the link changes nothing, because mail filters open every link: a button does, or the program's own POST
(RFC 8058). The link says all there is to know; neither it nor the page names anybody.
"""

from collections.abc import Mapping
from html import escape
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from app.api.transport import request_id_of
from app.core.actor import ANONYMOUS, Origin
from app.core.db.outage import is_worth_another_try
from app.core.errors import NotFound
from app.notifications.preferences import service
from app.notifications.preferences.links import PATH, OptOutLink, read_token
from app.notifications.preferences.models import OptOutSource
from app.runtime import Runtime
from app.tenants import repository as tenants

_MAX_TOKEN: Final = 200
_MAX_BODY: Final = 1_000
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
    "Vary": "Accept-Language",
    "Content-Security-Policy": ("default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"),
}
_PAGE: Final = """<!doctype html>
<html lang="{lang}" dir="{dir}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<title>{title}</title></head>
<body><main><h1>{title}</h1><p role="status">{said}</p>
<form method="post"><button name="wish" value="{wish}">{button}</button></form></main></body></html>
"""
# By language: title; before, and its button; out, and the button back; in again, whose button is the first one.
_TEXTS: Final[Mapping[str, tuple[str, str, str, str, str, str]]] = {
    "en": (
        "Messages from {tenant}",
        "Do you want no more messages at this address?",
        "Send me no more messages",
        "You will get no more messages at this address. A place in line stays yours.",
        "Send me messages again",
        "You will get messages at this address again.",
    ),
    "de": (
        "Nachrichten von {tenant}",
        "Möchten Sie an diese Adresse keine Nachrichten mehr bekommen?",
        "Keine Nachrichten mehr",
        "An diese Adresse kommen keine Nachrichten mehr. Ihr Platz in der Warteschlange bleibt Ihnen.",
        "Doch wieder Nachrichten",
        "An diese Adresse kommen wieder Nachrichten.",
    ),
    "fr": (
        "Messages de {tenant}",
        "Ne voulez-vous plus recevoir de messages à cette adresse ?",
        "Plus de messages",
        "Vous ne recevrez plus de messages à cette adresse. Votre place dans la file reste la vôtre.",
        "Recevoir de nouveau des messages",
        "Vous recevrez de nouveau des messages à cette adresse.",
    ),
    "es": (
        "Mensajes de {tenant}",
        "¿No quiere recibir más mensajes en esta dirección?",
        "No quiero más mensajes",
        "No recibirá más mensajes en esta dirección. Su puesto en la cola sigue siendo suyo.",
        "Volver a recibir mensajes",
        "Volverá a recibir mensajes en esta dirección.",
    ),
    "ar": (
        "رسائل من {tenant}",
        "هل تريد عدم تلقي رسائل أخرى على هذا العنوان؟",
        "لا أريد رسائل أخرى",
        "لن تصلك رسائل أخرى على هذا العنوان. مكانك في الطابور محفوظ.",
        "أريد الرسائل من جديد",
        "ستصلك الرسائل على هذا العنوان من جديد.",
    ),
}
_DEFAULT: Final = "en"


def opt_out_route(runtime: Runtime) -> Route:
    """The route of the links in messages."""

    async def answer(request: Request) -> Response:
        token = request.path_params["token"]
        link = read_token(runtime.settings.secret, token) if len(token) <= _MAX_TOKEN else None
        if link is None:
            return _gone()
        try:
            if request.method == "POST":
                wish = await _wish(request)
                if wish is None:
                    return PlainTextResponse("Send the form as it is.\n", 400, _HEADERS)
                name = await _do(runtime, request, link, opted_out=wish == "out")
                return _page(request, name, opted_out=wish == "out")
            async with runtime.dbs.app.read(link.tenant_id) as tx:
                name = (await tenants.get(tx, link.tenant_id)).name
                is_out = await service.is_address_opted_out(tx, link.address)
            return _page(request, name, opted_out=True if is_out else None)
        except NotFound:
            return _gone()
        except Exception as problem:
            if not is_worth_another_try(problem):
                raise
            return PlainTextResponse("Try again shortly.\n", 503, {**_HEADERS, "Retry-After": "5"})

    return Route(f"{PATH}/{{token}}", answer, methods=["GET", "POST"])


async def _do(runtime: Runtime, request: Request, link: OptOutLink, *, opted_out: bool) -> str:
    """Opt the address out, or in again; the tenant's name. Also of a tenant that is not served at present."""
    address = None if request.client is None else request.client.host
    origin = Origin.of(address, request.headers.get("user-agent"))
    request_id = request_id_of(request.headers)
    async with runtime.dbs.app.write(link.tenant_id, ANONYMOUS, request_id, origin) as tx:
        tenant = await tenants.get(tx, link.tenant_id)
        await service.set_opt_out(tx, link.address, OptOutSource.LINK, opted_out=opted_out)
    return tenant.name


async def _wish(request: Request) -> str | None:
    """`out` or `in`; None for anything that is neither the page's form nor a mail program's click."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MAX_BODY:
                return None
    except ClientDisconnect:
        return None
    # Mail programs may send it as a form of either kind (RFC 8058): the words are the same in both.
    if bytes(body) == b"wish=in":
        return "in"
    if bytes(body) == b"wish=out" or b"One-Click" in body:
        return "out"
    return None


def _page(request: Request, tenant: str, *, opted_out: bool | None) -> Response:
    lang = _language(request.headers.get("accept-language", ""))
    title, before, leave, out, come_back, back = _TEXTS[lang]
    said, wish, button = {None: (before, "out", leave), True: (out, "in", come_back), False: (back, "out", leave)}[
        opted_out
    ]
    html = _PAGE.format(
        lang=lang,
        dir="rtl" if lang == "ar" else "ltr",
        title=escape(title.format(tenant=tenant)),
        said=escape(said),
        wish=wish,
        button=escape(button),
    )
    return HTMLResponse(html, headers={**_HEADERS, "Content-Language": lang})


def _language(accepted: str) -> str:
    """The first language asked for that there is."""
    for part in accepted[:500].split(","):
        lang = part.partition(";")[0].strip().lower().partition("-")[0]
        if lang in _TEXTS:
            return lang
    return _DEFAULT


def _gone() -> Response:
    return PlainTextResponse("This link is not good. Use the one of a message you were sent.\n", 404, _HEADERS)
