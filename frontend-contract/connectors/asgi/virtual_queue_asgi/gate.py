"""Who may pass: what the connector does with one request. Framework, HTTP client and clock are others' business.

A visitor arrives with an admission token in the address, which is exchanged once for the token of the stay; that is
kept in a cookie no script can read, and renewed when half of its life is over. Whoever has none is sent to the waiting
page.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote, unquote

from virtual_queue_asgi import pages
from virtual_queue_asgi.options import Options
from virtual_queue_asgi.pages import Answer
from virtual_queue_asgi.service import Refused, Service, Unreachable
from virtual_queue_asgi.tokens import Admission, key_id, verify

Key = TypeVar("Key")
Value = TypeVar("Value")

PARAMETER = "vq_admission"
# Before a token that could not be exchanged yet, because the service was away and the site lets pass.
_PENDING = "pending."
_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Visit:
    """A request, as far as it matters here. `target` is path and query as the browser sent them."""

    method: str
    target: str
    headers: Mapping[str, str]
    """Names in lower case."""
    address: str | None
    """The visitor's network address; null where it is not known, as behind a unix socket."""

    @property
    def path(self) -> str:
        """What the site will read as path."""
        return unquote(self.target.partition("?")[0])

    @property
    def is_navigation(self) -> bool:
        """Whether a person will see the answer as a page: only then is a redirect of use."""
        mode = self.headers.get("sec-fetch-mode")
        if mode is not None:
            return mode == "navigate"
        return "text/html" in self.headers.get("accept", "")

    def cookie(self, name: str) -> str | None:
        """A cookie's value."""
        for part in self.headers.get("cookie", "").split(";"):
            key, _, value = part.strip().partition("=")
            if key == name:
                return value
        return None


@dataclass(frozen=True, slots=True)
class Pass:
    """The site answers. `admission` is null on an open path, and where the site fails open."""

    admission: Admission | None
    set_cookie: str | None = None


class Gate:
    """One protected site."""

    def __init__(self, options: Options, service: Service | None = None, now: Callable[[], float] = time.time) -> None:
        self.options = options
        self._service = service or Service(options)
        self._now = now
        # Pages ask for many things at once: all of them bring the old token, and it is renewed once.
        self._renewed: OrderedDict[str, str] = OrderedDict()
        # Bound tokens, and whether they are of the address that brought them: asked once each.
        self._bound: OrderedDict[tuple[str, str | None], bool] = OrderedDict()

    async def decide(self, visit: Visit) -> Pass | Answer:
        """Let it through, or answer it."""
        if not visit.target.startswith("/"):
            return pages.forbidden()  # an address for a proxy: it would become a part of another host's name
        path = visit.path
        if path == self.options.leave_path:
            return await self._leave(visit)
        if path != self.options.renew_path and not self.options.protects(path):
            return Pass(None)
        kept = visit.cookie(self.options.cookie)
        pending = kept is not None and kept.startswith(_PENDING)
        try:
            held = await self._admission((kept or "").removeprefix(_PENDING))
            if held is not None and not pending and not (held.is_inside and await self._is_visitors(held, visit)):
                # Somebody put the ticket into the cookie, to come in without entering; or it is another visitor's.
                held = None
            decision = await self._decide(visit, held, pending)
        except Unreachable:
            decision = self._let_pass(visit) if self._service.fails_open else pages.unavailable(self.options)
        if path == self.options.renew_path and isinstance(decision, Pass):
            return pages.renewed(decision.admission, decision.set_cookie)
        if kept is not None and isinstance(decision, Answer) and decision.forget:
            return decision.with_cookie(self._cookie("", 0))
        return decision

    async def close(self) -> None:
        """Let go of the connections to the service."""
        await self._service.close()

    async def _decide(self, visit: Visit, held: Admission | None, pending: bool) -> Pass | Answer:
        given, target = _without_token(visit.target)
        if given is not None and visit.method in ("GET", "HEAD"):
            if held is not None and not pending:
                return pages.redirect(self._url(target))
            return await self._arrive(await self._admission(given), visit, target)
        if held is None:
            return await self._outside(visit, target)
        if pending:
            return await self._enter_late(held, visit, target)
        return await self._inside(held, visit, target)

    async def _arrive(self, arrival: Admission | None, visit: Visit, target: str) -> Pass | Answer:
        if arrival is None:
            return await self._outside(visit, target)
        try:
            stay = await self._given(await self._service.enter(arrival.token, visit.address), visit)
        except Refused:
            stay = None
        except Unreachable:
            if not self._service.fails_open:
                return pages.unavailable(self.options)
            cookie = self._cookie(_PENDING + arrival.token, arrival.expires_at)
            return pages.redirect(self._url(target)).with_cookie(cookie)
        if stay is None:
            return await self._outside(visit, target)
        return pages.redirect(self._url(target)).with_cookie(self._cookie(stay.token, stay.expires_at))

    async def _enter_late(self, arrival: Admission, visit: Visit, target: str) -> Pass | Answer:
        try:
            stay = await self._given(await self._service.enter(arrival.token, visit.address), visit)
        except Refused:
            stay = None
        if stay is None:
            return await self._outside(visit, target)
        return Pass(stay, self._cookie(stay.token, stay.expires_at))

    async def _inside(self, held: Admission, visit: Visit, target: str) -> Pass | Answer:
        if self._now() < held.renew_at:
            return Pass(held)
        fresh = self._renewed.get(held.token_id)
        try:
            if fresh is None:
                fresh = await self._service.renew(held.token, visit.address)
                _remember(self._renewed, held.token_id, fresh)
            stay = await self._given(fresh, visit)
        except Refused:
            stay = None
        except Unreachable:
            return Pass(held)  # it is good until it ends
        if stay is None:
            return await self._outside(visit, target)
        return Pass(stay, self._cookie(stay.token, stay.expires_at))

    async def _outside(self, visit: Visit, target: str) -> Pass | Answer:
        if not await self._service.is_there():
            raise Unreachable
        waiting = f"{self.options.public_service_url}/wait/{quote(self.options.queue_id, safe='')}"
        if not visit.is_navigation:
            return pages.refused(waiting)
        # What was sent along is lost; whoever comes back comes to the page.
        back = target if visit.method in ("GET", "HEAD") else visit.target.partition("?")[0]
        return pages.redirect(f"{waiting}?return={quote(self._url(back), safe='')}", forget=True)

    def _let_pass(self, visit: Visit) -> Pass | Answer:
        """Nobody can be asked. A token that could not be read must not stay in the address, where pages tell it on."""
        given, target = _without_token(visit.target)
        if given is not None and visit.method in ("GET", "HEAD"):
            return pages.redirect(self._url(target))
        return Pass(None)

    async def _leave(self, visit: Visit) -> Answer:
        if visit.method != "POST":
            return pages.ask_to_leave(self.options)
        # SameSite=Lax keeps others' forms from bringing the cookie; this is for browsers that do not know it.
        if visit.headers.get("origin", self.options.site_origin) not in (self.options.site_origin, "null"):
            return pages.forbidden()
        token = (visit.cookie(self.options.cookie) or "").removeprefix(_PENDING)
        try:
            if await self._admission(token) is not None:
                await self._service.leave(token)
        except Unreachable:
            pass  # the place ends by itself
        return pages.left(self.options).with_cookie(self._cookie("", 0))

    async def _given(self, token: str, visit: Visit) -> Admission | None:
        """What the service has just given to this visitor."""
        admission = await self._admission(token)
        if admission is not None and admission.is_bound:
            _remember(self._bound, (admission.token_id, visit.address), True)
        return admission

    async def _is_visitors(self, held: Admission, visit: Visit) -> bool:
        if not held.is_bound:
            return True
        pair = held.token_id, visit.address
        if (known := self._bound.get(pair)) is None:
            known = await self._service.is_of(held.token, visit.address)
            _remember(self._bound, pair, known)
        return known

    async def _admission(self, token: str) -> Admission | None:
        kid = key_id(token)
        if kid is None:
            return None
        key = await self._service.key(kid)
        return None if key is None else verify(token, key, self._service.expected, self._now())

    def _url(self, target: str) -> str:
        """Absolute, on this site: `//other.example` as a path must not become another site's address."""
        return f"{self.options.site_origin}{target}"

    def _cookie(self, value: str, expires_at: int) -> str:
        seconds = max(0, int(expires_at - self._now()))
        secure = "; Secure" if self.options.is_secure else ""
        return f"{self.options.cookie}={value}; Max-Age={seconds}; Path=/; HttpOnly; SameSite=Lax{secure}"


def _remember(known: OrderedDict[Key, Value], key: Key, value: Value) -> None:
    known[key] = value
    if len(known) > _REMEMBERED:
        known.popitem(last=False)


def _without_token(target: str) -> tuple[str | None, str]:
    """The token an address brings, and the address without it."""
    path, mark, query = target.partition("?")
    parts = query.split("&") if mark else []
    given = [part for part in parts if part.partition("=")[0] == PARAMETER]
    if not given:
        return None, target
    kept = "&".join(part for part in parts if part not in given)
    return unquote(given[0].partition("=")[2]), f"{path}?{kept}" if kept else path
