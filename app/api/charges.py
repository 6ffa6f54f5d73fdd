"""Charges each operation to whoever sent it, over HTTP, event streams and sockets alike. What it costs is told here."""

from math import ceil

from app.api.answers import Answers
from app.api.deprecated import DeprecatedParts
from app.api.documents import Cost
from app.api.headers import current_budget
from app.api.transport import OperationContext
from app.context import Context
from app.core.errors import RateLimited
from app.core.limits import CLIENT_REQUESTS, Balance
from app.deprecations.counting import Counting


class Charges:
    """What the transports call with each operation."""

    def __init__(self, deprecated: DeprecatedParts, counting: Counting, answers: Answers) -> None:
        self._deprecated = deprecated
        self._counting = counting
        self._answers = answers

    async def __call__(self, context: OperationContext, cost: Cost) -> None:
        """Let an operation pass, or raise why not. Over HTTP the answer's headers say what is left."""
        assert isinstance(context, Context)  # our own factory's
        context.requests = cost.requests
        self._answers.operation()
        gate = context.runtime.gate
        budget = current_budget.get()
        try:
            balance = await gate.admit(context.passing)
        except RateLimited as refusal:
            if budget is not None and refusal.limit == CLIENT_REQUESTS:
                budget.most, budget.balance = gate.most, Balance(False, 0, ceil(refusal.retry_after_seconds))
            raise
        if balance is not None and budget is not None:
            budget.most, budget.balance = gate.most, balance
        if used := self._deprecated.used_by(context.document, context.variables):
            self._counting.used(used)
