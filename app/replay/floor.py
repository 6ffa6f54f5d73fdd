"""The floor of the call centre: agents who wait for somebody to serve, woken when somebody does. In-process only.

It only says when it is worth asking; who is next is decided by the server, and the server may say that nobody is.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Floor:
    """Fed with the states of the queue; wakes the longest idle agents, as many as people wait."""

    waiting: int = 0
    revision: int = 0
    closed: bool = False
    _asking: int = 0
    _idle: deque[asyncio.Future[None]] = field(default_factory=deque)

    @property
    def idle(self) -> int:
        return sum(not agent.done() for agent in self._idle)

    def update(self, waiting: int, revision: int) -> None:
        """A newer state of the queue."""
        if revision >= self.revision:
            self.waiting, self.revision = waiting, revision
            self._wake()

    def close(self) -> None:
        """The day is over: everybody may go home."""
        self.closed = True
        self._wake()

    async def until_somebody_waits(self, timeout: float) -> bool:
        """True when it is this agent's turn to ask; then `asked` must follow. False after `timeout` or when closed."""
        if self.closed:
            return False
        if self.waiting > self._asking and not self.idle:
            self._asking += 1
            return True
        turn = asyncio.get_running_loop().create_future()
        self._idle.append(turn)
        self._wake()
        try:
            async with asyncio.timeout(timeout):
                await turn
        except TimeoutError:
            # The turn may have been given in the very tick the time was up.
            return turn.done() and not turn.cancelled() and not self.closed
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._asking -= 1
                self._wake()
            raise
        finally:
            if turn in self._idle:
                self._idle.remove(turn)
        return not self.closed

    def volunteer(self) -> None:
        """Somebody asks without having been woken; `asked` must follow as well."""
        self._asking += 1

    def asked(self, at_revision: int, called: int | None) -> None:
        """The server answered: the revision of the call, or null when nobody waited or no answer came.

        `at_revision` is what the floor knew when the question went out.
        """
        self._asking -= 1
        if called is not None and called > self.revision:
            # The feed has not brought this call yet.
            self.waiting = max(0, self.waiting - 1)
        elif called is None and at_revision == self.revision:
            # What the floor believes is older than the answer. Waiting for news keeps agents from asking in circles.
            self.waiting = 0
        self._wake()

    def _wake(self) -> None:
        while self._idle and (self.closed or self.waiting > self._asking):
            turn = self._idle.popleft()
            if turn.done():
                continue
            if not self.closed:
                self._asking += 1
            turn.set_result(None)
