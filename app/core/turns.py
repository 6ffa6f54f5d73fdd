"""Taking turns within one process: whoever wants the same thing waits here, in order of coming, holding nothing.

The database would make them wait as well, and does for other processes. But whoever waits there holds a connection, and
one busy queue would take the pool from all tenants. And those who wait for the same can be served together: no timer,
no delay, just everybody who has come while the turn before was running (group commit, as databases do with their logs).
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Sequence
from contextlib import asynccontextmanager
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

Key = TypeVar("Key", bound=Hashable)
Request = TypeVar("Request")
Answer = TypeVar("Answer")
Work = Callable[[Key, Sequence[Request]], Awaitable[Sequence[Answer | Exception]]]
"""Does what several have asked for; an answer for each, in the same order. What it raises is everybody's."""

MOST_TOGETHER = 200
"""Served at once. A batch is a few milliseconds; the next command in line, of another kind perhaps, waits that long."""


@dataclass(slots=True, eq=False)
class _Turn:
    """Somebody who waits. Without `work` a turn alone: `answer` says that it has come, `over` that it has ended."""

    answer: "asyncio.Future[Any]"
    work: Work[Any, Any, Any] | None = None
    request: object = None
    over: asyncio.Event = field(default_factory=asyncio.Event)


class Turns:
    """Who waits for what, by key; kept only while somebody waits. Belongs to one loop."""

    def __init__(self) -> None:
        self._waiting: dict[Hashable, deque[_Turn]] = {}
        self._serving: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def of(self, key: Hashable) -> AsyncIterator[None]:
        """Wait for a turn alone; it ends with the block. Never nested: two keys in two orders would wait for ever."""
        turn = _Turn(asyncio.get_running_loop().create_future())
        self._enqueue(key, turn)
        try:
            await turn.answer
            yield
        finally:
            turn.over.set()

    async def together(self, key: Key, work: Work[Key, Request, Answer], request: Request) -> Answer:
        """Wait for a turn, shared with those right before and behind who ask for the same work; the own answer.

        Raises what the work gives as this request's answer, or raises itself. Whoever is cancelled before the turn
        leaves no trace; later, the work is done all the same.
        """
        turn = _Turn(asyncio.get_running_loop().create_future(), work, request)
        self._enqueue(key, turn)
        return cast(Answer, await turn.answer)

    def _enqueue(self, key: Hashable, turn: _Turn) -> None:
        waiting = self._waiting.get(key)
        if waiting is not None:
            waiting.append(turn)
            return
        waiting = self._waiting[key] = deque([turn])
        # A context of its own: what is done for many must not be logged as one's request.
        task = asyncio.create_task(self._serve(key, waiting), name="turns", context=Context())
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, key: Hashable, waiting: deque[_Turn]) -> None:
        turns: list[_Turn] = []
        try:
            while waiting:
                turns = _next(waiting)
                if turns and turns[0].work is None:
                    turns[0].answer.set_result(None)
                    await turns[0].over.wait()
                elif turns:
                    await _work(turns[0].work, key, turns)
        finally:
            # Before anybody else can run: whoever comes from now on starts afresh.
            del self._waiting[key]
            for turn in [*turns, *waiting]:
                turn.answer.cancel()


def _next(waiting: deque[_Turn]) -> list[_Turn]:
    """Those whose turn it is: one alone, or some who want the same. Whoever has given up is passed over."""
    turns: list[_Turn] = []
    while waiting and len(turns) < MOST_TOGETHER:
        if waiting[0].answer.cancelled():
            waiting.popleft()
        elif not turns or (turns[0].work is not None and waiting[0].work == turns[0].work):
            turns.append(waiting.popleft())
        else:
            break
    return turns


async def _work(work: Work[Any, Any, Any] | None, key: Hashable, turns: Sequence[_Turn]) -> None:
    assert work is not None
    answers: Sequence[Any]
    try:
        answers = await work(key, [turn.request for turn in turns])
    except Exception as problem:  # noqa: BLE001 - given to everybody who waits for it
        answers = [problem] * len(turns)
    for turn, answer in zip(turns, answers, strict=True):
        if turn.answer.done():
            continue
        if isinstance(answer, Exception):
            turn.answer.set_exception(answer)
        else:
            turn.answer.set_result(answer)
