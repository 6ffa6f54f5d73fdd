"""Short words for lists and codes, and people who come from an address. Checks nothing but that it was done."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from tests.support.api import Api, Business, Caller
from tests.support.verbs import ask, done

JOIN = """mutation($i: QueueJoinInput!) { queueJoin(input: $i) {
  __typename
  ... on QueueJoinSuccess { sessionToken session { id ticketNumber position priority isBypassed status } }
  ... on UserError { message }
  ... on AccessCodeRefusedError { reason }
  ... on InvitationRequiredError { refusalMessage }
  ... on AddressLimitReachedError { maximum }
} }"""


async def listed(business: Business, queue: str, kind: str, *people: str) -> int:
    """Put people on a list; how many are new."""
    added = await ask(business.admin, "accessEntryAdd", queueId=queue, kind=kind, userIdentifiers=list(people))
    return int(added["addedCount"])


async def codes(business: Business, queue: str, kind: str = "BYPASS", **given: Any) -> list[dict[str, Any]]:
    """New codes, with all they show."""
    answer = await business.admin(
        "mutation($i: AccessCodeCreateInput!) { accessCodeCreate(input: $i) { __typename ... on UserError { message }"
        " ... on AccessCodeCreateSuccess { codes { id code kind priority maxUses useCount label expiresAt revokedAt"
        " createdBy queueId } } } }",
        i={"queueId": queue, "kind": kind} | given,
    )
    assert answer["__typename"] == "AccessCodeCreateSuccess", answer
    return list(answer["codes"])


async def one_code(business: Business, queue: str, kind: str = "BYPASS", **given: Any) -> str:
    """The text of a new code."""
    (code,) = await codes(business, queue, kind, **given)
    return str(code["code"])


async def uses(business: Business, queue: str, code: str) -> int:
    """How often a code was used."""
    shown = await business.admin(
        "query($q: ID!, $c: String!) { accessCode(queueId: $q, code: $c) { useCount } }", q=queue, c=code
    )
    return int(shown["useCount"])


async def join(caller: Caller, queue: str, **given: Any) -> dict[str, Any]:
    """What a join is answered, flat."""
    answer: dict[str, Any] = await caller(JOIN, i={"queueId": queue} | given)
    return {**answer, **answer.pop("session", {})}


async def line(business: Business, queue: str) -> list[str]:
    """Ticket numbers in order."""
    shown = await business.admin(
        "query($id: ID!) { queue(id: $id) { waiting(first: 100) { edges { node { ticketNumber } } } } }", id=queue
    )
    return [edge["node"]["ticketNumber"] for edge in shown["waiting"]["edges"]]


@asynccontextmanager
async def coming_from(api: Api, address: str, token: str | None = None) -> AsyncIterator[Caller]:
    """Somebody whose requests come from an address."""
    transport = httpx.ASGITransport(api.app, client=(address, 4711))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        yield Caller(Api(api.app, http), token)


__all__ = ["ask", "codes", "coming_from", "done", "join", "line", "listed", "one_code", "uses"]
