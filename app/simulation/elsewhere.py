"""Simulations off the loop: one process beside an API process, started when first needed. Knows nothing of lines.

Computing in a thread would take the interpreter from everybody who is served. Whoever gives up, or takes too long, has
the process ended: the next one gets a new one.
"""

import asyncio
import pickle
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import overload
from uuid import UUID

from app.core.errors import BadInput, Unavailable
from app.simulation.process import LENGTH, framed
from app.simulation.recommending import Advice, Question
from app.simulation.study import Answer, Study

MOST_WAITING = 8
"""Who comes when so many are there already is told to come again."""
MOST_OF_ONE = 3
"""So many of them ask for one tenant: nobody keeps it for themselves."""
DEADLINE_SECONDS = 20.0
_RETRY_AFTER_SECONDS = 5.0


class Elsewhere:
    """One process at most. Belongs to one loop."""

    def __init__(self, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        self.deadline_seconds = deadline_seconds
        self._turn = asyncio.Lock()
        self._there: Counter[UUID] = Counter()
        self._process: Process | None = None

    @overload
    async def ask(self, question: Study, portions: Sequence[bytes], tenant_id: UUID) -> Answer: ...
    @overload
    async def ask(self, question: Question, portions: Sequence[bytes], tenant_id: UUID) -> Advice: ...
    async def ask(self, question: Study | Question, portions: Sequence[bytes], tenant_id: UUID) -> Answer | Advice:
        """The answer, computed elsewhere, of records in portions (`records.packed`).

        `Unavailable` if too many ask, `BadInput` if it takes too long.
        """
        if self._there.total() >= MOST_WAITING or self._there[tenant_id] >= MOST_OF_ONE:
            raise Unavailable(_RETRY_AFTER_SECONDS, "Many simulations are asked for at present. Try again shortly.")
        self._there[tenant_id] += 1
        try:
            async with self._turn:
                answer = await self._asked(pickle.dumps((question, portions)))
        finally:
            self._there[tenant_id] -= 1
            if not self._there[tenant_id]:
                del self._there[tenant_id]
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, Answer | Advice)
        return answer

    async def stop(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _asked(self, question: bytes) -> object:
        try:
            async with asyncio.timeout(self.deadline_seconds):
                try:
                    return await self._exchange(question)
                except (OSError, asyncio.IncompleteReadError):
                    # It had nothing to do for long and has gone, or was killed: nothing of it is lost.
                    await self.stop()
                    return await self._exchange(question)
        except TimeoutError:
            await self.stop()
            raise BadInput("This takes too long. Choose a shorter period, or fewer runs.") from None
        except BaseException:
            # Whatever it says from now on answers a question nobody asks any more.
            await self.stop()
            raise

    async def _exchange(self, question: bytes) -> object:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "app.simulation.process", stdin=PIPE, stdout=PIPE
            )
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(framed(question))
        await process.stdin.drain()
        (length,) = LENGTH.unpack(await process.stdout.readexactly(LENGTH.size))
        # Written by our own program, from what we have sent it.
        return pickle.loads(await process.stdout.readexactly(length))
