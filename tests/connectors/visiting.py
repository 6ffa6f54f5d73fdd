"""A visitor of a protected site: a browser without a window, with its cookies, and the waiting page's requests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.support.waiting import eventually

JOIN = """mutation($i: QueueJoinInput!) { queueJoin(input: $i) { __typename
  ... on QueueJoinSuccess { sessionToken session { id position admission { token } } }
  ... on UserError { message } } }"""
ADMISSION = "query($id: ID!) { session(id: $id) { status admission { state token } } }"
PAGE = {"accept": "text/html,application/xhtml+xml", "sec-fetch-mode": "navigate"}


class Browser:
    """One visitor's browser on one site."""

    def __init__(self, http: httpx.AsyncClient, origin: str) -> None:
        self.http = http
        self.origin = origin
        self.session: dict[str, Any] = {}
        self._token = ""

    async def get(self, target: str, **headers: str) -> httpx.Response:
        """Ask for a page of the site; redirects are not followed."""
        return await self.http.get(self.origin + target, headers=PAGE | headers)

    async def post(self, target: str, **headers: str) -> httpx.Response:
        """Send a form."""
        return await self.http.post(self.origin + target, headers=PAGE | headers, content="a=b")

    async def join(self, waiting_page: str) -> str | None:
        """What the waiting page does: the admission token, if there is one at once."""
        service, queue_id = self._of(waiting_page)
        joined = await self._ask(service, JOIN, {"i": {"queueId": queue_id}})
        assert joined["queueJoin"]["__typename"] == "QueueJoinSuccess", joined
        self.session, self._token = joined["queueJoin"]["session"], joined["queueJoin"]["sessionToken"]
        admission = self.session["admission"]
        return None if admission is None else admission["token"]

    async def admission(self, waiting_page: str) -> dict[str, Any]:
        """How the place stands."""
        found = await self._ask(self._of(waiting_page)[0], ADMISSION, {"id": self.session["id"]})
        return dict(found["session"])

    async def released(self, waiting_page: str) -> str:
        """The admission token, when it comes."""
        token: str | None = None

        async def has_come() -> bool:
            nonlocal token
            token = ((await self.admission(waiting_page))["admission"] or {}).get("token")
            return token is not None

        await eventually(has_come)
        assert token is not None
        return token

    async def arrive(self, target: str = "/basket") -> httpx.Response:
        """From the first request through the waiting page and back; the answer to the token."""
        first = await self.get(target)
        assert first.status_code == 303, first.text
        token = await self.join(first.headers["location"])
        assert token is not None
        return await self.bring(token, target)

    async def bring(self, token: str, target: str = "/basket") -> httpx.Response:
        """Come back from the waiting page."""
        return await self.get(f"{target}{'&' if '?' in target else '?'}vq_admission={token}")

    def cookie(self) -> str | None:
        """The connector's cookie."""
        return self.http.cookies.get("vq_admission")

    def _of(self, waiting_page: str) -> tuple[str, str]:
        parts = urlsplit(waiting_page)
        return f"{parts.scheme}://{parts.netloc}", parts.path.rpartition("/")[2]

    async def _ask(self, service: str, query: str, variables: dict[str, Any]) -> Any:
        headers = {"authorization": f"Bearer {self._token}"} if self._token else {}
        answer = await self.http.post(
            f"{service}/graphql", json={"query": query, "variables": variables}, headers=headers
        )
        body = answer.json()
        assert "errors" not in body, body
        return body["data"]


@asynccontextmanager
async def browser(origin: str, address: str = "127.0.0.1") -> AsyncIterator[Browser]:
    """A browser at a network address of this machine."""
    transport = httpx.AsyncHTTPTransport(local_address=address)
    async with httpx.AsyncClient(transport=transport, timeout=20, trust_env=False) as http:
        yield Browser(http, origin)


def back_of(waiting_page: str) -> str:
    """Where the waiting page is to send the visitor back to."""
    return parse_qs(urlsplit(waiting_page).query)["return"][0]
