"""Charges each operation to whoever sent it, over HTTP, event streams and sockets alike. What it costs is told here."""

from app.api.documents import Cost
from app.api.headers import current_budget
from app.api.transport import OperationContext
from app.context import Context


async def charge(context: OperationContext, cost: Cost) -> None:
    """Let an operation pass, or raise why not. Over HTTP the answer's headers say what is left."""
    assert isinstance(context, Context)  # our own factory's
    context.requests = cost.requests
    gate = context.runtime.gate
    balance = await gate.admit(context.passing)
    if balance is not None and (budget := current_budget.get()) is not None:
        budget.most, budget.balance = gate.most, balance
