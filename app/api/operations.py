"""One operation of one socket: executed while things happen to it, parked while it only moves.

Knows the messages of graphql-transport-ws, not its rules: which operation may start when is the connection's business.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol

import orjson
from graphql import GraphQLError
from strawberry.utils.aio import aclosing

from app.api.compiled import Compiled
from app.api.errors import public_error
from app.api.messages import complete_message, error_message, next_message
from app.api.transport import (
    Charge,
    Executable,
    OperationContext,
    OperationRequest,
    charging,
    is_request_error,
    result_payload,
)
from app.core.live.fanout import Parked, Seat
from app.core.live.outlet import Outlet, drained
from app.core.logs import request_id as current_request_id

# `next_message` around nothing: what stands before and after a payload.
_NOTHING: Any = orjson.Fragment(b"")
_AFTER = b"}"


class Host(Protocol):
    """The connection, as its operations see it."""

    @property
    def outlet(self) -> Outlet:
        """Where messages go."""
        ...

    @property
    def schema(self) -> Executable:
        """What executes."""
        ...

    @property
    def compiled(self) -> Compiled:
        """Where subscriptions are parked."""
        ...

    @property
    def charge(self) -> Charge | None:
        """Who counts operations."""
        ...

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something that ends with the connection at the latest."""
        ...

    def forget(self, operation: "Operation") -> None:
        """It is over: its id may be used again."""
        ...


class Operation:
    """One operation, from `subscribe` to `complete` or `error`."""

    __slots__ = ("_context", "_host", "_request", "_running", "id")

    def __init__(self, host: Host, id: str, request: OperationRequest, context: OperationContext) -> None:
        self.id = id
        self._host = host
        self._request = request
        self._context = context
        self._running: asyncio.Task[None] | Parked | None = None

    def run(self) -> None:
        """Execute, from the start or from where it was parked."""
        self._running = self._host.spawn(self._run())

    def cancel(self) -> None:
        """End without another word. Nothing within its own task: that is ending it."""
        if self._running is not None and self._running is not asyncio.current_task():
            self._running.cancel()
            self._leave()  # its task may not have begun

    async def _run(self) -> None:
        """Its items, then `complete`, or `error` where nothing more can come."""
        current_request_id.set(self._context.request_id)
        host, outlet, parked = self._host, self._host.outlet, False
        # One that was parked is the same operation still, and has been charged for.
        is_new = self._context.feed is None
        charge = charging(host.charge, self._context, self._request) if is_new else None
        try:
            results = await host.schema.stream(
                self._request.query,
                variable_values=self._request.variables,
                context_value=self._context,
                operation_name=self._request.operation_name,
                charge=charge,
            )
            async with aclosing(results):
                async for result in results:
                    if is_request_error(result.data, result.errors):
                        host.forget(self)
                        outlet.send(error_message(self.id, result.errors))
                        return
                    await drained(outlet)
                    outlet.send(next_message(self.id, result_payload(result)))
                    if parked := self._park(result):
                        return
                    # The next item is made when the peer has this one: a slow peer gets the newest state.
                    await drained(outlet)
        except Exception as problem:  # noqa: BLE001 - one operation's bug must not take the others along
            host.forget(self)
            outlet.send(error_message(self.id, [public_error(GraphQLError("", original_error=problem))]))
            return
        finally:
            if not parked:
                self._leave()
        # Forgotten before the last message is out: the client may use the id again as soon as it reads it.
        host.forget(self)
        outlet.send(complete_message(self.id))

    def _park(self, result: Any) -> bool:
        """Go on without a task, if that can be."""
        feed = self._context.feed
        if feed is None or self._running is not asyncio.current_task():
            return False
        seat = Seat(self._host.outlet, next_message(self.id, _NOTHING)[: -len(_AFTER)], _AFTER, self.run)
        parked = self._host.compiled.park(self._request, self._context, feed, result, seat)
        if parked is None:
            return False
        self._running = parked
        return True

    def _leave(self) -> None:
        if self._context.feed is not None:
            self._context.feed.cancel()
