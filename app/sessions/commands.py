"""What several callers ask of one line, done in one transaction: who waits for the same lock commits together.

Knows no rule; the verbs' plurals decide. Nobody is answered before the commit, nothing is tried again that may have
happened, and a command that breaks a transaction does not take its neighbours along.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar
from uuid import UUID

import asyncpg
from sqlalchemy.exc import DBAPIError

from app.core.db import Database, WriteTx
from app.core.db.outage import is_worth_another_try
from app.core.errors import CodedError, UserFacingError
from app.core.ids import Ref
from app.core.turns import Turns
from app.sessions import joins
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

    async def _join(self, queue: Ref, commands: Sequence[Join]) -> Sequence[Joined | Session | Exception]:
        return await self._commit(queue, joins.join_all, commands)

    async def _commit(
        self,
        queue: Ref,
        verb: Callable[[WriteTx, UUID, Sequence[Command]], Awaitable[Sequence[Answer]]],
        commands: Sequence[Command],
    ) -> Sequence[Answer | Exception]:
        """All in one transaction; each in one of its own where the database, or a bug, has refused that."""
        try:
            async with self._db.write(queue.tenant_id) as tx:
                return await verb(tx, queue.id, commands)
        except Exception as problem:
            if len(commands) == 1 or not _is_undone(problem):
                raise
            logger.warning("%d commands could not commit together", len(commands), extra={"cause": _name_of(problem)})
        answers: list[Answer | Exception] = []
        for command in commands:
            try:
                answers += await self._commit(queue, verb, [command])
            except Exception as problem:  # noqa: BLE001 - this one's answer
                answers.append(problem)
        return answers


def _is_undone(problem: Exception) -> bool:
    """Whether nothing of a failed transaction has happened, for a reason that may be one command's alone."""
    if isinstance(problem, CodedError | UserFacingError):
        return False
    if isinstance(problem, DBAPIError) and isinstance(_cause_of(problem), asyncpg.DeadlockDetectedError):
        return True
    # Away or too busy: it would be so for each of them, and a lost connection may have lost the answer only.
    return not is_worth_another_try(problem)


def _cause_of(problem: DBAPIError) -> BaseException | None:
    return None if problem.orig is None else problem.orig.__cause__


def _name_of(problem: Exception) -> str:
    return type(_cause_of(problem) if isinstance(problem, DBAPIError) else problem).__name__
