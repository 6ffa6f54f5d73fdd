"""The answers the connector gives itself: redirects and four small pages. Which of them when is the gate's business."""

import html
import json
from dataclasses import dataclass, replace

from virtual_queue_asgi.options import Options
from virtual_queue_asgi.tokens import Admission

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
_STYLE = (
    "body{font:1.125rem/1.5 system-ui,sans-serif;max-width:34rem;margin:12vh auto;padding:0 1rem;color:#1b1b1f;"
    "background:#fff}"
    "button{font:inherit;padding:.6rem 1.2rem;color:#fff;background:#1f4fb5;border:0;border-radius:.4rem}"
    "button:focus-visible{outline:3px solid #1b1b1f;outline-offset:3px}"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the connector's own."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    forget: bool = False
    """Whether a cookie that is there is of no use any more."""

    def with_cookie(self, cookie: str) -> "Answer":
        """The same, setting a cookie."""
        return replace(self, headers=(*self.headers, ("set-cookie", cookie)), forget=False)

    def header(self, name: str) -> str:
        """A header's value; empty if there is none."""
        return next((value for key, value in self.headers if key == name), "")


def redirect(location: str, *, forget: bool = False) -> Answer:
    """Go there with GET. The address just left may hold a token: it is told to nobody."""
    return Answer(
        303, (("location", location), ("cache-control", "no-store"), ("referrer-policy", "no-referrer")), forget=forget
    )


def refused(waiting_page: str) -> Answer:
    """For scripts, which cannot wait in a page: where people can."""
    body = json.dumps({"error": "ADMISSION_REQUIRED", "waitingPage": waiting_page}).encode()
    headers = (("content-type", "application/json"), ("cache-control", "no-store"), ("location", waiting_page))
    return Answer(403, headers, body, forget=True)


def forbidden() -> Answer:
    """What no browser of an honest visitor sends."""
    return Answer(403, (("content-type", "text/plain; charset=utf-8"), ("cache-control", "no-store")), b"Forbidden.\n")


def renewed(admission: Admission | None, cookie: str | None) -> Answer:
    """Until when the stay lasts."""
    body = json.dumps({"expiresAt": None if admission is None else admission.expires_at}).encode()
    answer = Answer(200, (("content-type", "application/json"), ("cache-control", "no-store")), body)
    return answer if cookie is None else answer.with_cookie(cookie)


def unavailable(options: Options) -> Answer:
    """The service is away and the site fails closed."""
    seconds = max(1, round(options.retry_seconds))
    page = _page("Please wait a moment", "<p>The waiting room cannot be reached. This page tries again by itself.</p>")
    headers = (("retry-after", str(seconds)), ("refresh", str(seconds)))
    return Answer(503, (*_html_headers(), *headers), page)


def ask_to_leave(options: Options) -> Answer:
    """A button: leaving changes something, and a link must not."""
    form = f'<form method="post" action="{html.escape(options.leave_path)}"><button>Leave now</button></form>'
    return Answer(200, _html_headers(), _page("Leave?", f"<p>Your place goes to the next person in line.</p>{form}"))


def left(options: Options) -> Answer:
    """Gone."""
    if options.after_leave:
        return redirect(options.after_leave)
    return Answer(
        200, _html_headers(), _page("You have left", "<p>Your place is free for the next person. Thank you.</p>")
    )


def _html_headers() -> tuple[tuple[str, str], ...]:
    return (
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        ("content-security-policy", _POLICY),
        ("x-content-type-options", "nosniff"),
    )


def _page(title: str, content: str) -> bytes:
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
    body = f"<main><h1>{title}</h1>{content}</main>"
    page = f'<!doctype html><html lang="en"><head>{head}<style>{_STYLE}</style></head><body>{body}</body></html>'
    return page.encode()
