"""What several callers ask of one line, done in one transaction: who waits for the same lock commits together.

Knows no rule; the verbs' plurals decide. Nobody is answered before the commit, nothing is tried again that may have
happened, and a command that breaks a transaction does not take its neighbours along.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar
from uuid import UUID

from sqlalchemy.exc import DBAPIError, IntegrityError

from app.core.db import Database, WriteTx
from app.core.db.outage import is_deadlock, is_worth_another_try
from app.core.errors import CodedError, UserFacingError
from app.core.ids import Ref
from app.core.turns import Turns
from app.queues.repository import holding
from app.sessions import calls, joins
from app.sessions.calls import Called, CallNext
from app.sessions.joins import Join
from app.sessions.models import Joined, Session

logger = logging.getLogger(__name__)

Command = TypeVar("Command")
Answer = TypeVar("Answer")


class LineCommands:
    """The commands of one process, by line. Several processes do no harm: the row lock stays the truth."""

    def __init__(self, db: Database, turns: Turns) -> None:
        self._db = db
        self._turns = turns

    async def join(self, queue: Ref, join: Join) -> Joined | Session:
        """`joins.join`, together with whoever joins the queue at this moment. Raises the same."""
        return await self._turns.together(queue, self._join, join)

    async def call_next(self, queue: Ref, wanted: CallNext) -> Called:
        """`calls.call_next`, together with whoever calls from the queue at this moment. Raises the same."""
        return await self._turns.together(queue, self._call_next, wanted)

    async def _join(self, queue: Ref, commands: Sequence[Join]) -> Sequence[Joined | Session | Exception]:
        return await self._commit(queue, joins.join_all, commands)

    async def _call_next(self, queue: Ref, commands: Sequence[CallNext]) -> Sequence[Called | Exception]:
        return await self._commit(queue, calls.call_next_all, commands)

    async def _commit(
        self,
        queue: Ref,
        verb: Callable[[WriteTx, UUID, Sequence[Command]], Awaitable[Sequence[Answer]]],
        commands: Sequence[Command],
        *,
        is_last_try: bool = False,
    ) -> Sequence[Answer | Exception]:
        """All in one transaction; each in one of its own where the database, or a bug, has refused that."""
        try:
            async with self._db.write(queue.tenant_id, begin_with=holding(*queue)) as tx:
                return await verb(tx, queue.id, commands)
        except Exception as problem:
            if is_last_try or not _is_undone(problem, alone=len(commands) == 1):
                raise
            logger.warning("%d commands could not commit together", len(commands), extra={"cause": _name_of(problem)})
        answers: list[Answer | Exception] = []
        for command in commands:
            try:
                answers += await self._commit(queue, verb, [command], is_last_try=True)
            except Exception as problem:  # noqa: BLE001 - this one's answer
                answers.append(problem)
        return answers


def _is_undone(problem: Exception, *, alone: bool) -> bool:
    """Whether nothing of a failed transaction has happened, and trying each command alone may do better."""
    if isinstance(problem, CodedError | UserFacingError):
        return False
    if is_deadlock(problem):
        return True
    if alone:
        # A constraint that was raced by another line: what it protects can be seen now, and gets its own refusal.
        return isinstance(problem, IntegrityError)
    # Away or too busy: it would be so for each of them, and a lost connection may have lost the answer only.
    return not is_worth_another_try(problem)


def _name_of(problem: Exception) -> str:
    return type(getattr(problem.orig, "__cause__", None) if isinstance(problem, DBAPIError) else problem).__name__
