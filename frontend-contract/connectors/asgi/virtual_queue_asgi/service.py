"""What is asked of Virtual Queue: its keys, and to enter, renew and leave. Who may pass is not decided here.

The service is asked for keys when those we have are old or a token names another one, at most once in
`retry_seconds`; while it does not answer, the keys we have stay good, and it is left alone for `retry_seconds`.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, TypeVar

import httpx

from virtual_queue_asgi.options import FailureMode, Options
from virtual_queue_asgi.tokens import Expected, Key, keys_of

Result = TypeVar("Result")

ENTER = """mutation Enter($token: String!, $address: String) {
  admissionEnter(input: {token: $token, address: $address}) { __typename
    ... on AdmissionEnterSuccess { admission { token } }
    ... on UserError { message } } }"""
RENEW = """mutation Renew($token: String!, $address: String) {
  admissionRenew(input: {token: $token, address: $address}) { __typename
    ... on AdmissionRenewSuccess { admission { token } }
    ... on UserError { message } } }"""
LEAVE = """mutation Leave($token: String!) { admissionLeave(input: {token: $token}) {
  __typename ... on UserError { message } } }"""
VERIFY = """mutation Verify($token: String!, $address: String) {
  admissionVerify(input: {token: $token, address: $address}) { __typename ... on UserError { message } } }"""
QUEUE = "query Queue($id: ID!) { queue(id: $id) { failureMode } }"

# Answers that say nothing about the token: the service is there and cannot do its work.
_NOT_NOW = frozenset({"UNAVAILABLE", "RATE_LIMITED", "INTERNAL"})


class Unreachable(Exception):
    """The service did not answer, or cannot do its work right now."""


class Refused(Exception):
    """The service answered that this token is good no more."""


class Service:
    """One process's view of the service. Belongs to the loop that uses it."""

    def __init__(self, options: Options, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._options = options
        self._monotonic = monotonic
        self._client: httpx.AsyncClient | None = None
        self._keys: dict[str, Key] = {}
        self._issuer: str | None = None
        self._keys_at = self._keys_tried_at = self._answered_at = self._failed_at = float("-inf")
        self._declared: FailureMode = FailureMode.FAIL_CLOSED
        self._asking: dict[str, asyncio.Task[Any]] = {}
        self._background: asyncio.Future[None] | None = None

    @property
    def fails_open(self) -> bool:
        """Whether visitors pass while the service cannot be asked."""
        mode = self._options.failure_mode
        return (self._declared if mode is FailureMode.QUEUE else mode) is FailureMode.FAIL_OPEN

    async def key(self, kid: str) -> Key | None:
        """A key by its id; null if the service has no such key. `Unreachable` if it was never heard."""
        if kid not in self._keys:
            await self._refresh()
        elif self._monotonic() - self._keys_at > self._options.keys_seconds:
            # Those we have are good enough for this request.
            self._background = asyncio.ensure_future(self._refresh())
        if self._issuer is None:
            raise Unreachable
        return self._keys.get(kid)

    @property
    def expected(self) -> Expected:
        """Whose tokens are good here; only after a `key`."""
        assert self._issuer is not None
        return Expected(self._issuer, self._options.queue_id, self._options.leeway_seconds)

    async def enter(self, token: str, address: str | None) -> str:
        """Go in: the token of the stay. `Refused` or `Unreachable`."""
        # Never shared: a token lets one in, and two who bring it at the same time are two.
        return await self._exchange(ENTER, "admissionEnter", token, address)

    async def renew(self, token: str, address: str | None) -> str:
        """Stay longer: the next token. `Refused` or `Unreachable`."""
        name = f"renew {token} {address}"
        fresh: str = await self._shared(name, lambda: self._exchange(RENEW, "admissionRenew", token, address))
        return fresh

    async def is_of(self, token: str, address: str | None) -> bool:
        """Whether the visitor of a token that is bound to an address has this one. `Unreachable`."""
        name = f"verify {token} {address}"
        data = await self._shared(name, lambda: self._ask(VERIFY, {"token": token, "address": address}))
        found = data.get("admissionVerify") if isinstance(data, dict) else None
        return isinstance(found, dict) and found.get("__typename") == "AdmissionVerifySuccess"

    async def leave(self, token: str) -> None:
        """Give the place back. `Unreachable`; a place that is gone already is left."""
        await self._ask(LEAVE, {"token": token})

    async def is_there(self) -> bool:
        """Whether visitors can be sent to the waiting page now. Asked at most once in `retry_seconds`."""
        if self._monotonic() - self._answered_at < self._options.retry_seconds:
            return True
        try:
            await self._shared("queue", self._hear_queue)
        except Unreachable:
            return False
        return True

    async def close(self) -> None:
        """Let go of its connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _exchange(self, document: str, name: str, token: str, address: str | None) -> str:
        data = await self._ask(document, {"token": token, "address": address})
        match data.get(name) if isinstance(data, dict) else None:
            case {"admission": {"token": str(fresh)}}:
                return fresh
        raise Refused

    async def _hear_queue(self) -> None:
        match await self._ask(QUEUE, {"id": self._options.queue_id}):
            case {"queue": {"failureMode": "FAIL_OPEN" | "FAIL_CLOSED" as mode}}:
                self._declared = FailureMode(mode)

    async def _refresh(self) -> None:
        if self._monotonic() - self._keys_tried_at < self._options.retry_seconds and "keys" not in self._asking:
            return
        try:
            await self._shared("keys", self._read_keys)
        except Unreachable:
            return  # those we have stay good

    async def _read_keys(self) -> None:
        self._keys_tried_at = self._monotonic()
        about = await self._get("/.well-known/virtual-queue")
        jwks = await self._get("/.well-known/jwks.json")
        if isinstance(about, dict) and isinstance(about.get("issuer"), str):
            self._keys, self._issuer, self._keys_at = keys_of(jwks), about["issuer"], self._monotonic()
        if self._options.failure_mode is FailureMode.QUEUE:
            await self._hear_queue()

    async def _get(self, path: str) -> Any:
        return await self._sent("GET", path, None)

    async def _ask(self, query: str, variables: dict[str, str | None]) -> Any:
        if self._monotonic() - self._failed_at < self._options.retry_seconds:
            raise Unreachable
        body = await self._sent("POST", "/graphql", {"query": query, "variables": variables})
        if not isinstance(body, dict):
            raise self._failed()
        codes = {error.get("extensions", {}).get("code") for error in body.get("errors") or ()}
        if codes & _NOT_NOW:
            raise self._failed()
        return body.get("data")

    async def _sent(self, method: str, path: str, body: Any) -> Any:
        if self._client is None:
            # The operator's own proxy settings are for the outside; the service is named by its address.
            self._client = httpx.AsyncClient(timeout=self._options.timeout_seconds, trust_env=False)
        try:
            async with asyncio.timeout(self._options.timeout_seconds):
                answer = await self._client.request(method, f"{self._options.service_url}{path}", json=body)
            if answer.status_code >= 500 or answer.status_code == 429:
                raise self._failed()
            content = answer.json()
        except (httpx.HTTPError, TimeoutError, ValueError):
            raise self._failed() from None
        self._answered_at, self._failed_at = self._monotonic(), float("-inf")
        return content

    def _failed(self) -> Unreachable:
        self._failed_at, self._answered_at = self._monotonic(), float("-inf")
        return Unreachable()

    async def _shared(self, name: str, ask: Callable[[], Any]) -> Any:
        """What several ask at the same time is asked once."""
        task = self._asking.get(name)
        if task is None:
            task = self._asking[name] = asyncio.ensure_future(ask())
            task.add_done_callback(lambda done: self._asked(name, done))
        # Whoever goes away must not take the answer from the others.
        return await asyncio.shield(task)

    def _asked(self, name: str, task: "asyncio.Task[Any]") -> None:
        del self._asking[name]
        if not task.cancelled():
            task.exception()  # told to whoever waits; nobody may be left
