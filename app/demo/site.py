"""The demo's protected site: a ticket shop of three pages behind the ASGI connector, as anybody would build it.

It knows the service by its address only. What lets visitors in is the connector, which is no part of the product.
"""

import html
import sys
import time
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

# Beside the code, for people to copy; not installed with it.
CONNECTOR = Path(__file__).resolve().parents[2] / "frontend-contract" / "connectors" / "asgi"

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
_STYLE = (
    "body{font:1.125rem/1.5 system-ui,sans-serif;max-width:38rem;margin:10vh auto;padding:0 1rem;color:#1b1b1f;"
    "background:#fff}a{color:#1f4fb5}button{font:inherit;padding:.5rem 1.2rem;color:#fff;background:#1f4fb5;border:0;"
    "border-radius:.4rem}small{color:#4a4a55}"
)


def is_possible() -> bool:
    """Whether the connector's files are here."""
    return CONNECTOR.is_dir()


def build_site(service_url: str, public_service_url: str, queue_id: str, site_origin: str) -> Starlette:
    """The shop: `/` is open to everybody, `/sale` lies behind the queue."""
    sys.path.append(str(CONNECTOR))
    from virtual_queue_asgi import Options, WaitingRoom

    options = Options(
        service_url=service_url,
        public_service_url=public_service_url,
        queue_id=queue_id,
        site_origin=site_origin,
        protected=("/sale",),
        after_leave="/?left",
    )
    site = Starlette(routes=[Route("/", _door), Route("/sale", _sale), Route("/sale/{seat:int}", _sale)])
    site.add_middleware(WaitingRoom, options=options)
    return site


async def _door(request: Request) -> HTMLResponse:
    left = "<p><strong>You have left. Your place is free for the next visitor.</strong></p>"
    return _page(
        "Tickets, today only",
        f"{left if 'left' in request.query_params else ''}"
        "<p>This page is open to everybody. The sale lets in a few people at a time; whoever comes while it is full "
        'waits in line.</p><p><a href="/sale">To the sale</a></p>',
    )


async def _sale(request: Request) -> HTMLResponse:
    admission = request.scope.get("virtual_queue")
    if admission is None:
        stay = "<p>The waiting room cannot be reached, and this site lets everybody in meanwhile.</p>"
    else:
        seconds = max(0, int(admission.expires_at - time.time()))
        stay = (
            f"<p>You are inside, for {seconds} seconds more: every page you open after half of the time renews it.</p>"
            f"<p><small>Session {html.escape(admission.session_id)}</small></p>"
        )
    seat = request.path_params.get("seat")
    choice = "" if seat is None else f"<p>Seat {seat} is a good one.</p>"
    seats = " · ".join(f'<a href="/sale/{number}">Seat {number}</a>' for number in range(1, 9))
    leave = '<form method="post" action="/vq/leave"><button>Leave the sale</button></form>'
    return _page("The sale", f"{stay}{choice}<p>{seats}</p>{leave}")


def _page(title: str, content: str) -> HTMLResponse:
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
    body = f"<main><h1>{title}</h1>{content}</main>"
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head>{head}<style>{_STYLE}</style></head><body>{body}</body></html>',
        headers={"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"},
    )
